// Package demo is a mail server inside the program, for trying smtplay without
// one: an independent, well-behaved peer on emersion/go-smtp. It is set up like
// a small site: it is called maila.example.com, hosts new.example.com, relays
// only for those it trusts, and lets users log in only over TLS.
//
// It listens on four free ports of the loopback interface, each with the rules
// of one of a mail server's doors:
//
//	smtp         mail for the hosted domain, from anybody; users may log in
//	             after STARTTLS, and then relay
//	local        the same as seen from the machine itself: relays for anybody
//	             without login, and offers none
//	submission   users only: STARTTLS, then AUTH, then mail
//	submissions  the same with TLS from the first byte (RFC 8314)
//
// What it accepts it counts and forgets: nothing is relayed, written or printed.
//
// Replies are go-smtp's, but for those that follow from the rules above and a
// few that are put right on their way to the client.
package demo
