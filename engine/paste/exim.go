package paste

import (
	"bytes"
)

// eximSays reads Exim's debug output. In that of -bh the replies are unmarked and
// the debug output has marks, in that of -d and -v it is the other way round.
func (c *conversation) eximSays(said []byte) bool {
	switch {
	case bytes.HasPrefix(said, []byte("SMTP")):
		if m, _ := unmark(said); m.family == eximMarks {
			c.tool = exim
		}
		return false
	case bytes.HasPrefix(said, []byte(">>> ")):
		if eximMatch.Match(said) {
			c.tool = eximTest
		}
		return c.tool == eximTest
	case bytes.HasPrefix(said, []byte("Exim version ")), eximDelivers.Match(said):
		c.tool = exim
		return true
	case bytes.HasPrefix(said, []byte("**** ")):
		if bytes.HasPrefix(said, []byte("**** SMTP testing session")) && c.tool != exim {
			c.tool = eximTest
		}
		return c.tool == eximTest || c.tool == exim
	case bytes.HasPrefix(said, []byte("cipher: ")) && c.tool == exim:
		c.tlsSeen()
		return true
	case bytes.HasPrefix(said, []byte("LOG: ")):
		return c.tool == eximTest || c.tool == exim
	}
	return false
}

var (
	eximMatch    = lazily(`^>>> .*\? (yes|no) \(`)
	eximDelivers = lazily(`^delivering [0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}$`)
)
