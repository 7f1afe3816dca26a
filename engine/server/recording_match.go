package server

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
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

// fitness is how well what came is what was recorded.
type fitness uint8

const (
	noFit    fitness = iota
	verbFit          // only the verb is the same
	fit              // as far as can be told
	rightFit         // the secret is the one that led to the recorded answer
)

// turn is what was said around a client's line.
type turn struct {
	challenged bool   // before it, a 334: the line answers it (RFC 4954 section 4)
	answer     byte   // behind it: the first byte of the reply, 0 for none
	mechanism  string // of the AUTH that it belongs to, "" for none
	challenge  string // what that 334 said, decoded
}

// fits compares what a client wrote with what was recorded.
func (r *Recording) fits(want piece, got []byte, at turn) (holes []caught, how fitness) {
	how = fit
	here, before := 0, 0 // in got; in want.data
	for i, s := range want.spans {
		literal := want.data[before:s.Start]
		if !bytes.HasPrefix(got[here:], literal) {
			return nil, noFit
		}
		here += len(literal)
		before = s.End
		next := want.data[s.End:]
		if i+1 < len(want.spans) {
			next = want.data[s.End:want.spans[i+1].Start]
		}
		n := holeLength(got[here:], next, i+1 == len(want.spans))
		if n < 0 {
			return nil, noFit
		}
		text := got[here : here+n]
		filled := r.fills(s.Mask, text, at)
		if filled == noFit {
			return nil, noFit
		}
		how = max(how, filled)
		holes = append(holes, caught{s.Mask, text})
		here += n
	}
	if !bytes.Equal(got[here:], want.data[before:]) {
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
func (r *Recording) fills(mask string, text []byte, at turn) fitness {
	name, isSecret := strings.CutPrefix(mask, "secret:")
	if isSecret {
		return r.fillsSecret(name, text, at)
	}
	if mask != "sasl" && !strings.HasPrefix(mask, "sasl ") {
		return fit
	}
	identity, user, name := saslParts(mask)
	message, plain := plainMessage(text)
	if at.mechanism != "" && at.mechanism != "PLAIN" && user+identity != "" && string(text) != giveUp {
		return r.fillsMechanism(identity, user, name, text, at)
	}
	switch {
	case string(text) == giveUp:
		return noFit
	case mask == "sasl": // a mechanism of which nothing is known
		_, ok := decoded(string(text))
		return fitIf(ok)
	case user == "" && identity == "": // and a message that was no message
		return fit
	case !plain || !same(identity, message[0]) || !same(user, message[1]):
		return noFit
	}
	if known, given := r.given[name]; given {
		return judge(message[2] == known.value, at.answer)
	}
	return fit
}

// fillsMechanism is fills for a message of a mechanism other than PLAIN.
func (r *Recording) fillsMechanism(identity, user, name string, text []byte, at turn) fitness {
	plain, ok := decoded(string(text))
	m, read := transcript.ReadSASL(at.mechanism, plain)
	if !ok || !read {
		return noFit
	}
	// The last message of SCRAM names nobody.
	if whole := m.Proof == "" || m.User != ""; whole && (!same(identity, m.Identity) || !same(user, m.User)) {
		return noFit
	}
	known, given := r.given[name]
	switch {
	case given && m.Secret != "":
		return judge(m.Secret == known.value, at.answer)
	case given && at.mechanism == "CRAM-MD5" && at.challenge != "":
		mac := hmac.New(md5.New, []byte(known.value))
		mac.Write([]byte(at.challenge))
		return judge(m.Proof == hex.EncodeToString(mac.Sum(nil)), at.answer)
	}
	return fit
}

// giveUp ends an exchange (RFC 4954 section 4).
const giveUp = "*"

// fillsSecret is fills for a secret that stands by itself. As the answer to a
// challenge it is in base64.
func (r *Recording) fillsSecret(name string, text []byte, at turn) fitness {
	if _, ok := decoded(string(text)); at.challenged && !ok {
		return noFit
	}
	known, given := r.given[name]
	if !given {
		return fit
	}
	spans := known.alone.Spans(text)
	return judge(len(spans) == 1 && spans[0].Start == 0 && spans[0].End == len(text), at.answer)
}

func fitIf(ok bool) fitness {
	if ok {
		return fit
	}
	return noFit
}

// judge says what a secret is worth that has the right value or another. The
// name of a secret does not tell whether it was the right one: a password that
// nobody declared is called password too.
func judge(right bool, answer byte) fitness {
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
		_, ok := decoded(strings.TrimRight(got, "\r\n"))
		return ok
	}
	verb := wire.Verb(want)
	if verb != "AUTH" {
		return verb == wire.Verb(got)
	}
	w, g := strings.Fields(want), strings.Fields(got)
	return wire.Verb(got) == verb && min(len(w), 3) == min(len(g), 3) && (len(w) < 2 || strings.EqualFold(w[1], g[1]))
}
