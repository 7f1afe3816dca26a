// Package dovecot runs a private Dovecot on loopback: LMTP into maildirs with a quota, and logins for Postfix.
//
// [Start] gives a [Dovecot] with two listeners on free ports of 127.0.0.1:
//
//	lmtp  takes mail for james@new.example.com and full@new.example.com, whose mailbox is full, and
//	      says so after the final dot: one reply per recipient (RFC 2033 section 4.2)
//	sasl  Dovecot's authentication protocol, for smtpd_sasl_type=dovecot: [Dovecot.PostfixSettings]
//
// Both users have lab.Password. What keeps it private is package daemon.
//
// It needs root and Debian's packages dovecot-core and dovecot-lmtpd, which go well with Postfix.
package dovecot
