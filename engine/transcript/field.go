package transcript

import "bytes"

// field is b as a message's header says it: unfolded (RFC 5322 2.2.3), encoded
// words decoded where they are in Q, and nothing of the blanks between two of them
// (RFC 2047 6.2). ok is false where that changes nothing.
func field(b []byte) (t *reading, ok bool) {
	if !bytes.Contains(b, []byte("=?")) && !bytes.Contains(b, []byte("\n ")) && !bytes.Contains(b, []byte("\n\t")) {
		return nil, false
	}
	t = &reading{source: b, data: make([]byte, 0, len(b))}
	done := 0
	behind, pieces, data := -1, 0, 0 // where the last encoded word ended, and what was read up to there
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '\n' && i+1 < len(b) && (b[i+1] == ' ' || b[i+1] == '\t'):
			t.copy(done, done+len(bytes.TrimSuffix(b[done:i], []byte("\r"))))
			done = i + 1
		case b[i] == '=':
			from, to := encodedWord(b[i:])
			if to == 0 {
				continue
			}
			if behind >= 0 && len(bytes.TrimSpace(b[behind:i])) == 0 {
				t.pieces, t.data = t.pieces[:pieces], t.data[:data]
			} else {
				t.copy(done, i)
			}
			t.decode(i+from, i+to)
			done = i + to + len("?=")
			behind, pieces, data = done, len(t.pieces), len(t.data)
			i = done - 1
		}
	}
	t.copy(done, len(b))
	return t, true
}

// encodedWord is where the text of the encoded word lies with which b begins; to
// is 0 where b begins with none.
func encodedWord(b []byte) (from, to int) {
	const longest = 998 // RFC 2047 2 allows 75; this is a line
	if len(b) < 2 || b[1] != '?' {
		return 0, 0
	}
	charset := bytes.IndexAny(b[2:min(len(b), longest)], "? \t\r\n")
	if from = 2 + charset + len("?q?"); charset < 1 || from > len(b) || b[from-3] != '?' || b[from-2]|0x20 != 'q' || b[from-1] != '?' {
		return 0, 0
	}
	text := bytes.IndexAny(b[from:min(len(b), from+longest)], "? \t\r\n")
	if to = from + text; text < 0 || !bytes.HasPrefix(b[to:], []byte("?=")) {
		return 0, 0
	}
	return from, to
}

// decode takes over source bytes in RFC 2047's Q.
func (t *reading) decode(from, to int) {
	done := from
	for i := from; i < to; i++ {
		says, n := "", 1
		switch t.source[i] {
		case '_':
			says = " "
		case '=':
			says, n = hexByte(t.source[i:to], 1)
		}
		if says == "" {
			continue
		}
		t.copy(done, i)
		t.pieces = append(t.pieces, piece{data: len(t.data), source: i, width: n})
		t.data = append(t.data, says...)
		i += n - 1
		done = i + 1
	}
	t.copy(done, to)
}
