package paste

import (
	"bytes"
)

// mark is what a tool writes before a line to say whose it is.
type mark struct {
	family family
	side   uint8 // 1, 2 or 3: which of the marks of the family; 0 for none
}

// family are marks that are used together.
type family uint8

const (
	unmarked     family = iota
	letters             // C: S: and R:, also in full
	arrows              // -> and <-, in any length
	eximMarks           // SMTP>> and SMTP<<
	inOut               // In: and Out:, in Postfix's mails to the postmaster
	postfixMarks        // > host[address]: and < host[address]:
	families
)

// markWords are all marks, the longer before those that they begin with.
var markWords = []struct {
	word string
	mark mark
}{
	{"SMTP>>", mark{eximMarks, 1}}, {"SMTP|>", mark{eximMarks, 1}}, {"SMTP+>", mark{eximMarks, 1}}, {"SMTP<<", mark{eximMarks, 2}},
	{"CLIENT -> SERVER:", mark{letters, 1}}, {"SERVER -> CLIENT:", mark{letters, 2}},
	{"Client:", mark{letters, 1}}, {"Server:", mark{letters, 2}}, {"CLIENT:", mark{letters, 1}}, {"SERVER:", mark{letters, 2}},
	{"client:", mark{letters, 1}}, {"server:", mark{letters, 2}},
	{"C:", mark{letters, 1}}, {"S:", mark{letters, 2}}, {"R:", mark{letters, 3}}, {"c:", mark{letters, 1}}, {"s:", mark{letters, 2}},
	{"In:", mark{inOut, 1}}, {"Out:", mark{inOut, 2}},
	{">>>", mark{arrows, 1}}, {">>", mark{arrows, 1}}, {"-->", mark{arrows, 1}}, {"->", mark{arrows, 1}}, {"~>", mark{arrows, 1}},
	{"=>", mark{arrows, 1}}, {"*>", mark{arrows, 1}}, {">", mark{arrows, 1}},
	{"<<<", mark{arrows, 2}}, {"<<", mark{arrows, 2}}, {"<--", mark{arrows, 2}}, {"<-", mark{arrows, 2}}, {"<~*", mark{arrows, 2}},
	{"<~", mark{arrows, 2}}, {"<**", mark{arrows, 2}}, {"<=", mark{arrows, 2}}, {"<", mark{arrows, 2}},
}

// unmark takes the mark off a line that begins with one, and the one blank
// behind it. An address in < > begins with none.
func unmark(b []byte) (m mark, rest []byte) {
	if len(b) == 0 || !markStart[b[0]] {
		return mark{}, b
	}
	if side, _, text := postfixMark(b); side != 0 {
		return mark{postfixMarks, side}, text
	}
	for _, w := range markWords {
		if len(b) < len(w.word) || string(b[:len(w.word)]) != w.word {
			continue
		}
		rest = b[len(w.word):]
		if w.mark.family == arrows && len(w.word) == 1 && len(rest) > 0 && rest[0] != ' ' {
			return mark{}, b
		}
		return w.mark, bytes.TrimPrefix(rest, []byte(" "))
	}
	return mark{}, b
}

// postfixMark takes apart what Postfix logs of a conversation: > or <, whom it is
// with, host[address] or host[address]:port, and what was said. side is 0 for any
// other text.
func postfixMark(b []byte) (side uint8, peer, said []byte) {
	if len(b) < 6 || b[0] != '>' && b[0] != '<' || b[1] != ' ' {
		return 0, nil, nil
	}
	end := bytes.IndexByte(b[2:], ' ')
	if end < 0 {
		end = len(b) - 2
	}
	peer = bytes.TrimSuffix(b[2:2+end], []byte(":"))
	address := peer
	if i := bytes.LastIndexByte(peer, ':'); i > 0 && peer[i-1] == ']' && allDigits(peer[i+1:]) {
		address = peer[:i]
	}
	if len(peer) == end || !bytes.HasSuffix(address, []byte("]")) || bytes.IndexByte(address, '[') < 1 {
		return 0, nil, nil
	}
	if side = 1; b[0] == '<' {
		side = 2
	}
	return side, peer, bytes.TrimPrefix(b[2+end:], []byte(" "))
}

// stampForm is the time, and the number of the process, with which debug output
// begins its lines.
var stampForm = lazily(`^(\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]? +)?(?:\[?\d{1,8}\]? +)?`)

// behindStamp is what follows the stamp of a line, and whether that has the time;
// nil where the line begins with none.
func behindStamp(b []byte) (rest []byte, timed bool) {
	m := stampForm.FindSubmatchIndex(b)
	if m[1] == 0 || m[1] == len(b) {
		return nil, false
	}
	return b[m[1]:], m[2] >= 0
}

var markStart = func() (starts [256]bool) {
	for _, w := range markWords {
		starts[w.word[0]] = true
	}
	return starts
}()
