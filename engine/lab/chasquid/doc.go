// Package chasquid runs a private chasquid on loopback: a server that is nobody's descendant, for what scripts
// take for granted and should not.
//
// [Start] gives a [Chasquid] with three listeners on free ports of 127.0.0.1:
//
//	smtp         the outside view: takes mail for james@new.example.com, refuses to relay,
//	             offers STARTTLS, and AUTH PLAIN only after it
//	submission   for users: STARTTLS and AUTH come first, without them nothing is taken
//	submissions  the same, with TLS from the first byte
//
// There is no view from localhost: it relays for whoever logged in and for nobody else. It ends a connection
// after the third error, and refuses <postmaster> without a domain, letters without a header, mechanisms in small
// letters, and each mailbox that is no user's.
//
// # What keeps it private
//
// Besides what package daemon does: chasquid looks up whoever writes (SPF), and would send mail for foreign domains
// to their servers. There is no setting against either, so its folder is its whole world (chroot), and the
// name server in there is an address that no packet can be sent to: each look-up fails at once, so
// mail for elsewhere is accepted, kept in its queue, and never sent.
//
// It needs root, and Debian's package chasquid, unpacked or installed.
package chasquid
