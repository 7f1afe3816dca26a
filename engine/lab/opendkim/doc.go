// Package opendkim runs a private OpenDKIM on loopback: a milter by which Postfix signs what it takes.
//
// [Start] gives an [OpenDKIM] with one listener on a free port of 127.0.0.1:
//
//	milter  signs each message, whoever it is from, for d=new.example.com with a key of its own
//
// [OpenDKIM.PostfixSettings] are what lab.Options.MainCF needs to ask it, and [OpenDKIM.Record] is what a verifier
// has to find in the DNS, such as that of package resolvertest. It verifies nothing, so it asks no DNS itself.
//
// It needs root and Debian's package opendkim, which labtest finds unpacked in a folder, with the libraries that it
// depends on. What keeps it private is package daemon.
package opendkim
