// Package lookup asks the DNS for what leads to a mail server: the MX hosts of
// a domain and the addresses of a host. It is apart from package engine because
// a script asks it too, with no conversation, and below it, unlike package
// resolver, whose TLSA records the engine judges. What it says is always one
// server's word: the one that was named, or the system's resolver.
package lookup
