// Package postsrsd runs a private PostSRSd on loopback: what a Postfix that forwards mail asks for another sender, one
// of its own domain to which a bounce finds home (the Sender Rewriting Scheme).
//
// [Start] gives a [PostSRSd] with two listeners on free ports of 127.0.0.1, which speak Postfix's tcp_table(5):
//
//	forward  answers alice@example.org with SRS0=HASH=DAY=example.org=alice@new.example.com
//	reverse  answers that with alice@example.org, and does not know an address whose hash is wrong
//
// [PostSRSd.PostfixSettings] are what lab.Options.MainCF needs to ask it. It rewrites the senders of all mail that Postfix
// takes, whether it is forwarded or not, but for those of its own domain.
//
// It needs root and Debian's package postsrsd, which labtest finds unpacked in a folder. What keeps it private is
// package daemon, and that its folder is its whole world.
package postsrsd
