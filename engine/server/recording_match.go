package server

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// caught is what a client wrote in the place of a mask.
type caught struct {
	mask string
	text []byte
}

// How well what came is what was recorded.
const (
	noFit    = iota
	verbFit  // only the verb is the same
	fit      // as far as can be told
	rightFit // the secret is the one that led to the recorded answer
)

// fits compares what a client wrote with what was recorded. answer is the first
// byte of the reply that was given to it: a refusal may have been that of any
// password.
func (r *Recording) fits(want piece, got []byte, answer byte) (holes []caught, how int) {
	how = fit
	at, before := 0, 0 // in got; in want.data
	for i, s := range want.spans {
		literal := want.data[before:s.Start]
		if !bytes.HasPrefix(got[at:], literal) {
			return nil, noFit
		}
		at += len(literal)
		before = s.End
		next := want.data[s.End:]
		if i+1 < len(want.spans) {
			next = want.data[s.End:want.spans[i+1].Start]
		}
		n := holeLength(got[at:], next, i+1 == len(want.spans))
		if n < 0 {
			return nil, noFit
		}
		text := got[at : at+n]
		filled := r.fills(s.Mask, text, answer)
		if filled == noFit {
			return nil, noFit
		}
		how = max(how, filled)
		holes = append(holes, caught{s.Mask, text})
		at += n
	}
	if !bytes.Equal(got[at:], want.data[before:]) {
		return nil, noFit
	}
	return holes, how
}

// holeLength is how much of got stands before what follows a mask: one byte at
// least, and as little as will do, -1 where nothing will.
func holeLength(got, next []byte, last bool) int {
	switch {
	case last:
		if n := len(got) - len(next); n > 0 && bytes.HasSuffix(got, next) {
			return n
		}
		return -1
	case len(got) == 0:
		return -1
	}
	if i := bytes.Index(got[1:], next); i >= 0 {
		return i + 1
	}
	return -1
}

// secretOf is the name of the secret in a mask, "" for none.
func secretOf(mask string) string {
	if name, ok := strings.CutPrefix(mask, "secret:"); ok {
		return name
	}
	_, _, name := saslParts(mask)
	return name
}

// saslParts are the parts of a mask that stands for a SASL message.
func saslParts(mask string) (identity, user, secret string) {
	fields, ok := strings.CutPrefix(mask, "sasl ")
	if !ok {
		return "", "", ""
	}
	for field := range strings.SplitSeq(fields, " ") {
		key, value, _ := strings.Cut(field, "=")
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		switch key {
		case "identity":
			identity = value
		case "user":
			user = value
		case "secret":
			secret = value
		}
	}
	return identity, user, secret
}

// fills says whether text may stand in the place of a mask.
func (r *Recording) fills(mask string, text []byte, answer byte) int {
	if name, ok := strings.CutPrefix(mask, "secret:"); ok {
		known, given := r.given[name]
		if !given {
			return fit
		}
		spans := known.alone.Spans(text)
		return judge(len(spans) == 1 && spans[0] == transcript.Span{Start: 0, End: len(text), Mask: mask}, answer)
	}
	identity, user, name := saslParts(mask)
	if user == "" && identity == "" {
		return fit // a message of which nothing is known, or another mask
	}
	message, ok := plainMessage(text)
	if !ok || !same(identity, message[0]) || !same(user, message[1]) {
		return noFit
	}
	if known, given := r.given[name]; given {
		return judge(message[2] == known.value, answer)
	}
	return fit
}

// judge says what a secret is worth that has the right value or another. The
// name of a secret does not tell whether it was the right one: a password that
// nobody declared is called password too.
func judge(right bool, answer byte) int {
	refused := answer == '4' || answer == '5'
	switch {
	case right && refused:
		return fit // what was refused may have been this one
	case right || refused:
		return rightFit
	}
	return noFit
}

// same compares a name with what a mask says of it, in which masks may stand.
func same(want, got string) bool { return want == got || strings.Contains(want, "[") }

// plainMessage takes a PLAIN message apart (RFC 4616 section 2): authorisation
// identity, user, password.
func plainMessage(encoded []byte) (parts [3]string, ok bool) {
	message, ok := decoded(string(encoded))
	fields := strings.Split(message, "\x00")
	if !ok || len(fields) != 3 {
		return parts, false
	}
	return [3]string(fields), true
}

func decoded(encoded string) (plain string, ok bool) {
	b, err := base64.StdEncoding.DecodeString(encoded)
	return string(b), err == nil
}

// sameVerb compares commands as Lenient has it. Of AUTH the mechanism counts
// too, and whether it brings an initial response: the rest hangs on these. An
// answer to a challenge is no command: any will do.
func sameVerb(want, got string, challenged bool) bool {
	if challenged {
		return true
	}
	verb := wire.Verb(want)
	if verb != wire.Verb(got) {
		return false
	}
	if verb != "AUTH" {
		return true
	}
	w, g := strings.Fields(want), strings.Fields(got)
	return min(len(w), 3) == min(len(g), 3) && (len(w) < 2 || strings.EqualFold(w[1], g[1]))
}
