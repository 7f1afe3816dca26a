// Package exim runs a private Exim on loopback, for what Postfix has not: stapled OCSP responses, PRDR, a reply per
// recipient after the final dot, and other words for everything.
//
// [Start] gives an [Exim] with five listeners on free ports of 127.0.0.1, set up as the tutorial's mail
// server, with the refusals of Exim's own default configuration:
//
//	smtp         the outside view: takes mail for james@new.example.com, refuses to relay,
//	             offers STARTTLS, and AUTH only after it
//	local        the view from localhost: relays (to a local sink)
//	submission   for users: STARTTLS and AUTH come first, without them nothing is taken
//	submissions  the same, with TLS from the first byte
//	proxy        as smtp, behind a proxy that speaks PROXY protocol 1 or 2
//
// Login and password are those of package lab; PLAIN, LOGIN and CRAM-MD5 are offered. Where the sender
// asks for PRDR, the mailbox full@new.example.com refuses what the others accept.
//
// What keeps it private is package daemon. Its routers and transports reach nobody: mail for foreign domains goes to
// a folder, and no name is looked up.
//
// It runs from the package exim4-daemon-heavy as dpkg -x unpacked it, since that one and Postfix's do not
// go together on one machine; it needs root and the user Debian-exim, whose name Debian compiled in.
package exim
