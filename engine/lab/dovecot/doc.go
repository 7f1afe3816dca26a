// Package dovecot runs a private Dovecot on loopback: LMTP into maildirs with a quota, IMAP to read them, and
// logins for Postfix.
//
// [Start] gives a [Dovecot] with four listeners on free ports of 127.0.0.1:
//
//	lmtp  takes mail for james@new.example.com and full@new.example.com, whose mailbox is full, and
//	      says so after the final dot: one reply per recipient (RFC 2033 section 4.2)
//	imap  gives out the same mailboxes to whoever logs in, with STARTTLS on offer and not required
//	imaps the same, with TLS from the first byte
//	sasl  Dovecot's authentication protocol, for smtpd_sasl_type=dovecot: [Dovecot.PostfixSettings]
//
// Both users have lab.Password. What keeps it private is package daemon.
//
// It needs root and Debian's packages dovecot-core, dovecot-lmtpd and dovecot-imapd, which go well with Postfix.
package dovecot
