package transcript

import (
	"bytes"
	"iter"
	"regexp"
	"sort"
	"strconv"
	"sync"
)

// reading is what some bytes say when one kind of escape is undone in them, or
// their line ends are left out.
type reading struct {
	source   []byte
	data     []byte
	pieces   []piece // where data comes from, in order; nil where it is source itself
	standard []byte  // data in base64's standard alphabet, once it was asked for
	lower    []byte  // data with small hexadecimal digits, once it was asked for
}

// piece says where data from an offset on, up to the next piece, comes from.
type piece struct {
	data, source int
	width        int // of the escape that the bytes stand for; 0 where each stands for itself
}

// readings yields all that b may say, b itself first. Each is as large as b: they
// are made one after the other.
func readings(b []byte) iter.Seq[*reading] {
	return func(yield func(*reading) bool) {
		if !yield(&reading{source: b, data: b}) {
			return
		}
		for _, e := range []escape{percent, quotedPrintable, xtext, backslash, octal} {
			if t, ok := e.read(b); ok && !yield(t) {
				return
			}
		}
		if t, ok := field(b); ok && !yield(t) {
			return
		}
		if i := bytes.IndexByte(b, '\n'); i < 0 || i == len(b)-1 {
			return
		}
		t, coded := joined(b, false)
		if yield(t) && coded {
			t, _ = joined(b, true)
			yield(t)
		}
	}
}

// escape is a way to write a byte, which begins with mark. undo returns the
// bytes that the escape at the start of b stands for and its length, 0 where
// there is none.
type escape struct {
	mark byte
	undo func(b []byte) (says string, n int)
}

var (
	percent         = escape{'%', func(b []byte) (string, int) { return hexByte(b, 1) }}
	xtext           = escape{'+', func(b []byte) (string, int) { return hexByte(b, 1) }} // RFC 3461 section 4
	quotedPrintable = escape{'=', undoQuotedPrintable}
	backslash       = escape{'\\', func(b []byte) (string, int) { return undoBackslash(b, 10) }} // \065 as Lua has it
	octal           = escape{'\\', func(b []byte) (string, int) { return undoBackslash(b, 8) }}  // and as C has it
)

// hexByte reads the two hexadecimal digits at b[at:].
func hexByte(b []byte, at int) (string, int) {
	if len(b) < at+2 || !isHex(b[at]) || !isHex(b[at+1]) {
		return "", 0
	}
	return string([]byte{unhex(b[at])<<4 | unhex(b[at+1])}), at + 2
}

// undoQuotedPrintable also drops soft line breaks (RFC 2045 6.7).
func undoQuotedPrintable(b []byte) (string, int) {
	if bytes.HasPrefix(b, []byte("=\r\n")) {
		return "", 3
	}
	if bytes.HasPrefix(b, []byte("=\n")) {
		return "", 2
	}
	return hexByte(b, 1)
}

// undoBackslash reads what Go, Lua, JSON and C write in their strings, and what
// stands in a .smtp file. One to three digits are of the given base.
func undoBackslash(b []byte, base int) (string, int) {
	if len(b) < 2 {
		return "", 0
	}
	switch c := b[1]; c {
	case '\\', '"', '\'', '/', '\n':
		return string(b[1:2]), 2
	case 'a', 'b', 'f', 'n', 'r', 't', 'v':
		return string("\a\b\f\n\r\t\v"[bytes.IndexByte([]byte("abfnrtv"), c)]), 2
	case 'x':
		return hexByte(b, 2)
	case 'u', 'U':
		n := 6
		if c == 'U' {
			n = 10
		}
		if len(b) >= n {
			if r, err := strconv.ParseUint(string(b[2:n]), 16, 21); err == nil {
				return string(rune(r)), n
			}
		}
		return "", 0
	}
	n := 1
	for n < len(b) && n < 4 && b[n] >= '0' && int(b[n]-'0') < base {
		n++
	}
	if v, err := strconv.ParseUint(string(b[1:n]), base, 8); err == nil {
		return string([]byte{byte(v)}), n
	}
	return "", 0
}

// read undoes the escape in b; ok is false where b has none.
func (e escape) read(b []byte) (t *reading, ok bool) {
	done := 0
	for i := 0; ; {
		j := bytes.IndexByte(b[i:], e.mark)
		if j < 0 {
			break
		}
		i += j
		says, n := e.undo(b[i:])
		if n == 0 {
			i++
			continue
		}
		if t == nil {
			t = &reading{source: b, data: make([]byte, 0, len(b))}
		}
		t.copy(done, i)
		if says != "" {
			t.pieces = append(t.pieces, piece{data: len(t.data), source: i, width: n})
			t.data = append(t.data, says...)
		}
		i += n
		done = i
	}
	if t == nil {
		return nil, false
	}
	t.copy(done, len(b))
	return t, true
}

// joined leaves out the line ends of b, and the blanks with which folded lines
// begin: base64 is wrapped. Of a reply it leaves out codes as well, where that
// is asked for; coded says whether there are any.
func joined(b []byte, codes bool) (t *reading, coded bool) {
	t = &reading{source: b, data: make([]byte, 0, len(b))}
	for i := 0; i < len(b); {
		end := bytes.IndexByte(b[i:], '\n')
		if end < 0 {
			t.copy(i, len(b))
			break
		}
		end += i
		t.copy(i, i+len(bytes.TrimSuffix(b[i:end], []byte("\r"))))
		i = end + 1
		if n := codeLength(b[i:]); n > 0 {
			coded = true
			if codes {
				i += n
			}
		}
		for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
			i++
		}
	}
	return t, coded
}

// statusForm is an enhanced status code at the start of a text.
var statusForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3} `) })

// codeLength is the length of what a reply's line has before its text: the
// code, and the enhanced status code where there is one; 0 for any other line.
func codeLength(line []byte) int {
	if len(line) < 4 || !isDigit(line[0]) || !isDigit(line[1]) || !isDigit(line[2]) || line[3] != ' ' && line[3] != '-' {
		return 0
	}
	if len(line) < 6 || line[5] != '.' {
		return 4
	}
	return 4 + len(statusForm().Find(line[4:min(len(line), 16)]))
}

// copy takes over source bytes as they are.
func (t *reading) copy(from, to int) {
	if from < to {
		t.pieces = append(t.pieces, piece{data: len(t.data), source: from})
		t.data = append(t.data, t.source[from:to]...)
	}
}

// places calls yield with the places in the source that data[from:to] comes
// from, in order and apart.
func (t *reading) places(from, to int, yield func(start, end int)) {
	if t.pieces == nil {
		yield(from, to)
		return
	}
	start, end := -1, -1
	for k := t.pieceAt(from); k < len(t.pieces) && t.pieces[k].data < to; k++ {
		p := t.pieces[k]
		s, e := p.source, p.source+p.width
		if p.width == 0 {
			next := len(t.data)
			if k+1 < len(t.pieces) {
				next = t.pieces[k+1].data
			}
			s = p.source + max(from, p.data) - p.data
			e = p.source + min(to, next) - p.data
		}
		if s != end && start >= 0 {
			yield(start, end)
			start = -1
		}
		if start < 0 {
			start = s
		}
		end = e
	}
	yield(start, end)
}

// pieceAt is the piece that data[i] lies in.
func (t *reading) pieceAt(i int) int {
	return sort.Search(len(t.pieces), func(k int) bool { return t.pieces[k].data > i }) - 1
}

// behind is the first offset in data that comes from source at place or later.
func (t *reading) behind(place int) int {
	if t.pieces == nil {
		return place
	}
	k := sort.Search(len(t.pieces), func(k int) bool { return t.pieces[k].source > place }) - 1
	if k < 0 {
		return 0
	}
	next := len(t.data)
	if k+1 < len(t.pieces) {
		next = t.pieces[k+1].data
	}
	if p := t.pieces[k]; p.width == 0 {
		return min(p.data+place-p.source, next)
	}
	return next
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
