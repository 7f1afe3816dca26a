// Package engine holds one live SMTP conversation: it dials, writes, reads
// whole replies, does STARTTLS and AUTH, keeps every deadline, and knows which
// replies the server still owes. Every byte passes the Recorder.
//
// A Conn has one owner and starts no goroutine of its own. It judges nothing
// that a script should judge: it returns replies, and errors of type *Error
// for what cannot be a reply.
package engine
