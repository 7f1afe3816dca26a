package transcript

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// hidden is a secret or a token, in the forms in which it is looked for. The
// forms are made once; what they are looked for in is read anew each time.
type hidden struct {
	mask    string
	value   []byte
	plain   bool // only as it is: a token, not a secret
	guarded bool // must not travel over an unsafe connection

	crlf   []byte    // with the line ends of the wire; nil where that is the same
	hex    []byte    // in small digits
	base64 []sextets // behind 0, 1 and 2 bytes of a group; then crlf's
	parts  []part    // of a long one: what a server repeats may be cut
}

// part is a part of a secret, by which the longer one around it is found.
type part struct {
	at     int // where it begins
	base64 [3]sextets
}

// A token is looked for in parts, a password is not: the words of a phrase stand
// elsewhere, too.
const (
	partSize = 16 // in bytes; any 31 of a secret hold a whole part
	inParts  = 64 // the length from which on a secret has parts
	variety  = 8  // how many different bytes a part has at the least
)

func (h *hidden) name() string { return strings.TrimPrefix(h.mask, "secret:") }

func (h *hidden) prepare() {
	if h.plain {
		return
	}
	if crlf := bytes.ReplaceAll(bytes.ReplaceAll(h.value, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n")); !bytes.Equal(crlf, h.value) {
		h.crlf = crlf
	}
	h.hex = hex.AppendEncode(nil, h.value)
	for _, value := range [][]byte{h.value, h.crlf} {
		for before := 0; before < 3 && value != nil; before++ {
			h.base64 = append(h.base64, inBase64(value, before))
		}
	}
	if len(h.value) < inParts {
		return
	}
	for at := 0; at+partSize <= len(h.value); at += partSize {
		value := h.value[at : at+partSize]
		different := map[byte]bool{}
		for _, c := range value {
			different[c] = true
		}
		if len(different) >= variety {
			h.parts = append(h.parts, part{at, [3]sextets{inBase64(value, 0), inBase64(value, 1), inBase64(value, 2)}})
		}
	}
}

// find adds a span for each place where h stands in t, in any form.
func (h *hidden) find(spans []Span, t *reading, r *Redactor) []Span {
	spans = t.findAll(spans, t.data, h.value, h.mask)
	if h.plain {
		return spans
	}
	if h.crlf != nil {
		spans = t.findAll(spans, t.data, h.crlf, h.mask)
	}
	spans = t.findAll(spans, t.lowered(), h.hex, h.mask)
	for i := range h.base64 {
		spans = t.findWords(spans, &h.base64[i], h.mask, r)
	}
	for i := range h.parts {
		spans = t.findPart(spans, h, h.parts[i].at)
		for j := range h.parts[i].base64 {
			spans = t.findWords(spans, &h.parts[i].base64[j], h.mask, r)
		}
	}
	return spans
}

// findPart adds a span for each place where the part of h at an offset stands,
// as it is, with what more of h is around it.
func (t *reading) findPart(spans []Span, h *hidden, at int) []Span {
	for from := 0; ; {
		i := bytes.Index(t.data[from:], h.value[at:at+partSize])
		if i < 0 {
			return spans
		}
		start := from + i
		end := start + partSize
		for before := at; before > 0 && start > from && t.data[start-1] == h.value[before-1]; before-- {
			start--
		}
		for behind := at + partSize; behind < len(h.value) && end < len(t.data) && t.data[end] == h.value[behind]; behind++ {
			end++
		}
		t.places(start, end, func(start, end int) { spans = append(spans, Span{Start: start, End: end, Mask: h.mask}) })
		from = end
	}
}

// findAll adds a span for each place where form stands in data, t's or as long
// as it. Places may overlap: all that is part of one is masked.
func (t *reading) findAll(spans []Span, data, form []byte, mask string) []Span {
	first := len(spans)
	for from := 0; ; from++ {
		i := bytes.Index(data[from:], form)
		if i < 0 {
			return spans
		}
		from += i
		t.places(from, from+len(form), func(start, end int) {
			if n := len(spans); n > first && spans[n-1].Start <= start && start <= spans[n-1].End {
				spans[n-1].End = max(spans[n-1].End, end)
				return
			}
			spans = append(spans, Span{Start: start, End: end, Mask: mask})
		})
	}
}

// findWords adds a span for each word of base64 in which the form stands. All
// of the word is masked: its ends may tell of what surrounds the secret.
func (t *reading) findWords(spans []Span, form *sextets, mask string, r *Redactor) []Span {
	data := t.standardised()
	for from := 0; ; {
		from = form.index(data, from)
		if from < 0 {
			return spans
		}
		behind := from + 1
		start, end := form.around(from)
		t.places(start, end, func(start, end int) {
			s := Span{Mask: mask}
			s.Start, s.End = wordAround(t.source, start, end)
			if m := r.plainMessage(t.source[s.Start:s.End]); m != "" {
				s.Mask = m
			}
			spans = append(spans, s)
			behind = max(behind, t.behind(s.End)) // the rest of the word is masked already
		})
		from = behind
	}
}

// wordAround is the word of base64 that source[start:end] is part of, without
// the code of a reply's line: "-" is of base64 too.
func wordAround(source []byte, start, end int) (from, to int) {
	from, to = start, end
	for from > 0 && sextet(source[from-1]) != noSextet {
		from--
	}
	if from == 0 || source[from-1] == '\n' {
		if codeLength(source[from:]) > 0 && from+4 <= start {
			from += 4
		}
	}
	for to < len(source) && sextet(source[to]) != noSextet {
		to++
	}
	for to < len(source) && source[to] == '=' {
		to++
	}
	return from, to
}

// plainMessage is the mask of a word that is a whole PLAIN message (RFC 4616)
// with a known secret: by what made it, so that it can be made anew.
func (r *Redactor) plainMessage(word []byte) string {
	word = bytes.TrimRight(standardised(word), "=")
	message, err := base64.RawStdEncoding.DecodeString(string(word))
	if err != nil {
		return ""
	}
	parts := strings.Split(string(message), "\x00")
	if len(parts) != 3 {
		return ""
	}
	name := r.NameOf(parts[2])
	if name == "" {
		return ""
	}
	return SASLMask(parts[0], parts[1], name)
}

// sextets is a secret as it lies in base64: the characters that it alone
// makes, and its bits in those at either end, which it shares with its
// neighbours.
type sextets struct {
	core                []byte
	first, last         byte
	firstBits, lastBits byte // which bits of first and last are the secret's; 0 where the core begins or ends it
}

// inBase64 is value behind before bytes of a group of three.
func inBase64(value []byte, before int) sextets {
	var s sextets
	padded := append(append(make([]byte, before), value...), 0, 0)
	chars := base64.RawStdEncoding.AppendEncode(nil, padded)
	from, to := 8*before, 8*(before+len(value))
	first, last := from/6, to/6
	if bits := from % 6; bits > 0 {
		s.firstBits = 0x3f >> bits
		s.first = sextet(chars[first])
		first++
	}
	if bits := to % 6; bits > 0 {
		s.lastBits = 0x3f &^ (0x3f >> bits)
		s.last = sextet(chars[last]) & s.lastBits
	}
	s.core = chars[first:last]
	return s
}

// index finds the core from an offset on, in data of the standard alphabet,
// where the characters at its ends hold the secret's bits; -1 for nowhere.
func (s *sextets) index(data []byte, from int) int {
	for ; from <= len(data); from++ {
		i := bytes.Index(data[from:], s.core)
		if i < 0 {
			break
		}
		from += i
		if fits(data, from-1, s.first, s.firstBits) && fits(data, from+len(s.core), s.last, s.lastBits) {
			return from
		}
	}
	return -1
}

func fits(data []byte, i int, want, bits byte) bool {
	if bits == 0 {
		return true
	}
	if i < 0 || i >= len(data) {
		return false
	}
	v := sextet(data[i])
	return v != noSextet && v&bits == want
}

// around is where the characters that hold bits of the secret begin and end,
// of which the core begins at i.
func (s *sextets) around(i int) (start, end int) {
	start, end = i, i+len(s.core)
	if s.firstBits != 0 {
		start--
	}
	if s.lastBits != 0 {
		end++
	}
	return start, end
}

const noSextet = 0xff

// sextet is the value of a character of base64, in either alphabet.
func sextet(c byte) byte { return sextetTable[c] }

var sextetTable = func() (t [256]byte) {
	for i := range t {
		t[i] = noSextet
	}
	for _, alphabet := range []string{
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", // RFC 4648 section 4
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", // section 5
	} {
		for i, c := range []byte(alphabet) {
			t[c] = byte(i)
		}
	}
	return t
}()

func (t *reading) standardised() []byte {
	if t.standard == nil {
		t.standard = standardised(t.data)
	}
	return t.standard
}

// standardised is b in base64's standard alphabet.
func standardised(b []byte) []byte {
	if bytes.IndexByte(b, '-') < 0 && bytes.IndexByte(b, '_') < 0 {
		return b
	}
	out := bytes.Clone(b)
	for i, c := range out {
		switch c {
		case '-':
			out[i] = '+'
		case '_':
			out[i] = '/'
		}
	}
	return out
}

func (t *reading) lowered() []byte {
	if t.lower == nil {
		t.lower = bytes.Clone(t.data)
		for i, c := range t.lower {
			if c >= 'A' && c <= 'F' {
				t.lower[i] = c + 'a' - 'A'
			}
		}
	}
	return t.lower
}
