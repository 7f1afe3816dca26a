// Package opensmtpd runs a private OpenSMTPD on loopback: the server of OpenBSD, with words of its own.
//
// [Start] gives an [OpenSMTPD] with four listeners on free ports of 127.0.0.1, set up as the tutorial's
// mail server:
//
//	smtp         the outside view: takes mail for james@new.example.com, refuses to relay,
//	             offers STARTTLS, and AUTH only after it
//	local        the view from localhost: relays (to a local sink)
//	submission   for users: STARTTLS and AUTH come first, without them nothing is taken
//	submissions  the same, with TLS from the first byte
//
// Login and password are those of package lab. It knows no <postmaster> that is not in a table, and takes no
// letter without a header.
//
// # What keeps it private
//
// Besides what package daemon does: its socket and its spool have their paths compiled in, so its folder is
// its whole world (chroot), with users of its own, and nothing can be looked up in there. It has no action that
// relays: mail for foreign domains goes to a folder.
//
// It needs root, and the package opensmtpd, unpacked or installed, version 7 (Debian 12 has it in backports):
// 6.8 fails every TLS handshake there.
package opensmtpd
