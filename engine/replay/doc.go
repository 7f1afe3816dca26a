// Package replay sends the client's half of a transcript again, to any server,
// and compares what comes back with the server's half, reply by reply. It is a
// suite.Script beside those written in Lua.
//
// What is masked in the transcript is made anew: tokens, and secrets from those
// that the environment supplies. TLS is agreed on where it was, and a message is
// sent to its end only where it was. Where the server answers otherwise than it
// did, what hung on the old answer is left out: the text of a message without a
// 354, the rest of a login without a 334, all that was said under TLS where
// there is none.
package replay
