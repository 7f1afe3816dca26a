package imap

import (
	"strconv"
	"strings"
	"time"
)

// fetched is what a FETCH response (RFC 3501 7.4.2) says of a message, as far as it is asked for here.
type fetched struct {
	uid  uint32
	at   time.Time
	size int64
	body []byte // nil for none
}

// items reads the list of a FETCH response: names and values by turns.
type items struct {
	rest     string
	literals [][]byte
}

// fetch reads a FETCH response; ok is false for others.
func (r response) fetch() (f fetched, ok bool, err error) {
	_, name, list := r.numbered()
	if name != "FETCH" {
		return f, false, nil
	}
	inner, open := strings.CutPrefix(list, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	p := items{rest: inner, literals: r.literals}
	fine := open && closed
	for fine && p.rest != "" {
		var name, value string
		var literal []byte
		name, p.rest = word(p.rest)
		value, literal, fine = p.value()
		fine = fine && f.take(name, value, literal)
	}
	if !fine {
		return f, false, &garbage{r.text}
	}
	return f, true, nil
}

// take keeps a value. What was not asked for is left out: a server may tell of it.
func (f *fetched) take(name, value string, literal []byte) bool {
	var err error
	switch name {
	case "UID":
		var n uint64
		n, err = strconv.ParseUint(value, 10, 32)
		f.uid = uint32(n)
	case "INTERNALDATE":
		f.at, err = time.Parse("_2-Jan-2006 15:04:05 -0700", value)
	case "RFC822.SIZE":
		f.size, err = strconv.ParseInt(value, 10, 64)
	case "BODY[]", "BODY[]<0>":
		switch {
		case literal != nil:
			f.body = literal
		case !strings.EqualFold(value, "NIL"):
			f.body = []byte(value)
		}
	}
	return err == nil
}

// value takes the next value off the list, and the space behind it: an atom, a quoted string without its quotes, a literal, or a list as
// it stands.
func (p *items) value() (value string, literal []byte, ok bool) {
	depth, quoted, at := 0, false, 0
	var unquoted []byte
scan:
	for ; at < len(p.rest); at++ {
		switch c := p.rest[at]; {
		case quoted && c == '\\':
			if at++; at == len(p.rest) {
				return "", nil, false
			}
			unquoted = append(unquoted, p.rest[at])
		case c == '"':
			quoted = !quoted
		case quoted:
			unquoted = append(unquoted, c)
		case c == '\x00':
			if len(p.literals) == 0 {
				return "", nil, false
			}
			literal, p.literals = p.literals[0], p.literals[1:]
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				return "", nil, false
			}
		case c == ' ' && depth == 0:
			break scan
		}
	}
	value = p.rest[:at]
	p.rest = strings.TrimPrefix(p.rest[at:], " ")
	if value == "" || quoted || depth > 0 {
		return "", nil, false
	}
	if value[0] == '"' {
		return string(unquoted), nil, true
	}
	if value != "\x00" {
		literal = nil
	}
	return value, literal, true
}
