// Package sshd runs a private OpenSSH server on loopback, which forwards connections and does nothing else.
//
// [Start] gives an [SSHD] with one listener, ssh, on a free port of 127.0.0.1. [User] logs in there
// with the keys that the options name; no password helps, and there is no shell. The folder is all that
// the server sees of the machine: it knows the names localhost and [Inside], both as its loopback, and the
// UNIX sockets that lie in the folder. What keeps it private is package daemon.
//
// It needs root and Debian's package openssh-server before version 9.8, installed or unpacked; of an
// installed one nothing but the program is used, and its service need not run.
package sshd
