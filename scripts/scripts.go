// Package scripts holds the runbooks that are built into the program: what a
// mail server that is set up like the tutorial's must do, one behaviour a file.
//
// They connect to targets: smtp, the server as the outside sees it; local,
// as the machine itself sees it; submission, for users, who log in after
// STARTTLS; submissions, the same with TLS from the first byte; and lmtp. Those
// that hold both ends listen at a fifth, mx, to which the server sends mail. Each
// file says at its top what it proves and what it needs.
//
// By themselves they are harmless to the server and to who runs them. A message
// is sent to its end with the var send=yes only; what servers ban a client for
// is done with provoke=yes only.
package scripts

import "embed"

// FS holds the runbooks, *.lua, and below lib the modules that they share.
//
//go:embed *.lua lib
var FS embed.FS
