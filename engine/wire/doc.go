// Package wire is SMTP as bytes: it finds the end of a reply, takes it apart
// and keeps every deviation from RFC 5321, reads EHLO keywords, prepares
// message text and commands, and decides whether a reply matches a pattern.
//
// It is pure. It never reads from a connection, knows no deadline and prints
// nothing; package engine decides what a deviation costs.
package wire
