package transcript

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Redactor knows the secrets of a run and finds them in what is about to be
// recorded or shown: as they are, in base64 of either alphabet, also inside
// longer base64, in hexadecimal, percent-encoded, quoted-printable, as xtext and
// with backslash escapes, in the fields of a message, and where lines were wrapped
// within them. The zero value and nil know none. It may be used by several goroutines.
type Redactor struct {
	Parent *Redactor // whose secrets count too; nil for none

	mu    sync.Mutex               // held by those who add
	known atomic.Pointer[[]hidden] // a list is never changed, only replaced
}

// Add makes value a secret, shown as [secret:NAME], which HoldsSecret guards.
// A value that is a secret already keeps its name; an empty one is ignored. With
// a Parent the name may become another one: [secret:NAME-2] is another value
// than [secret:NAME], and [secret:unique] was made of a token.
func (r *Redactor) Add(name, value string) {
	r.add(hidden{mask: "secret:" + maskName(name), value: []byte(value), guarded: true})
}

// AddSeen masks value like Add: a password that a script wrote out by hand.
// It is hidden, not guarded: nobody declared it.
func (r *Redactor) AddSeen(name, value string) {
	r.add(hidden{mask: "secret:" + maskName(name), value: []byte(value)})
}

// AddToken makes value a token that changes from run to run and is shown as
// [name]. Tokens are looked for as they are, not in encodings.
func (r *Redactor) AddToken(name, value string) {
	r.add(hidden{mask: tokenName(name), value: []byte(value), plain: true})
}

func (r *Redactor) add(h hidden) {
	if r == nil || len(h.value) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// A token may turn out to be a password, a password to be a declared one:
	// what is known of a value only grows.
	known, named := false, false
	for at := r; at != nil; at = at.Parent {
		list := at.list()
		for i := range list {
			k := &list[i]
			if !bytes.Equal(k.value, h.value) {
				continue
			}
			if (h.plain || !k.plain) && (k.guarded || !h.guarded) {
				return
			}
			if !k.plain {
				h.mask, named = k.mask, true
			}
			known = known || at == r
		}
	}
	if !h.plain && !named && r.Parent != nil {
		h.mask = r.nameFor(h)
	}
	h.prepare()
	mine := r.list()
	if known {
		mine = slices.DeleteFunc(slices.Clone(mine), func(k hidden) bool { return bytes.Equal(k.value, h.value) })
	}
	mine = append(mine, h) // behind the end of what others may be reading
	r.known.Store(&mine)
}

// nameFor is the mask of a secret that turned up in one run. One that is made
// of a token is called by the token: it is another in every run. A name that
// another value has gets a number: they are not the same secret.
func (r *Redactor) nameFor(h hidden) string {
	taken := map[string]bool{}
	for k := range r.all {
		if k.plain && bytes.Contains(h.value, k.value) {
			return "secret:" + k.mask
		}
		taken[k.mask] = true
	}
	mask := h.mask
	for n := 2; taken[mask]; n++ {
		mask = fmt.Sprintf("%s-%d", h.mask, n)
	}
	return mask
}

// list are the secrets of r itself.
func (r *Redactor) list() []hidden {
	if known := r.known.Load(); known != nil {
		return *known
	}
	return nil
}

// all are the secrets of r and its parents.
func (r *Redactor) all(yield func(*hidden) bool) {
	for at := r; at != nil; at = at.Parent {
		list := at.list()
		for i := range list {
			if !yield(&list[i]) {
				return
			}
		}
	}
}

func (r *Redactor) empty() bool {
	for at := r; at != nil; at = at.Parent {
		if len(at.list()) > 0 {
			return false
		}
	}
	return true
}

// NameOf is the name under which value is a secret, or "".
func (r *Redactor) NameOf(value string) string {
	for h := range r.all {
		if !h.plain && string(h.value) == value {
			return h.name()
		}
	}
	return ""
}

// HoldsSecret names a declared secret that b holds in any form, "" for none.
func (r *Redactor) HoldsSecret(b []byte) string {
	if len(b) == 0 || r.empty() {
		return ""
	}
	for t := range readings(b) {
		for h := range r.all {
			if h.guarded && len(h.find(nil, t, r)) > 0 {
				return h.name()
			}
		}
	}
	return ""
}

// Spans finds the secrets and tokens in b, in order and apart.
func (r *Redactor) Spans(b []byte) []Span {
	if len(b) == 0 || r.empty() {
		return nil
	}
	var spans []Span
	for t := range readings(b) {
		for h := range r.all {
			if !h.plain || t.pieces == nil { // tokens only as they are
				spans = h.find(spans, t, r)
			}
		}
	}
	return join(spans)
}

// String is s with every secret and token masked. Masks that stand in it
// already stay as they are, even where a secret is called by its own value.
func (r *Redactor) String(s string) string {
	spans := r.Spans([]byte(s))
	if len(spans) == 0 {
		return s
	}
	own := r.ownMasks(s)
	spans = slices.DeleteFunc(spans, func(f Span) bool {
		return slices.ContainsFunc(own, func(m Span) bool { return m.Start <= f.Start && f.End <= m.End })
	})
	masked, _ := r.mask([]byte(s), spans)
	return string(masked)
}

// hide masks in b what was marked by whoever sent it, and what r finds.
func (r *Redactor) hide(b []byte, marked []Span) ([]byte, []Span) {
	spans := r.Spans(b)
	if len(marked) > 0 {
		spans = join(slices.Concat(marked, spans))
	}
	if len(spans) == 0 {
		return b, nil
	}
	return r.mask(b, spans)
}

// mask writes each span's mask in brackets in its place and returns the spans
// of the result.
func (r *Redactor) mask(b []byte, spans []Span) ([]byte, []Span) {
	out := make([]byte, 0, len(b))
	moved := make([]Span, 0, len(spans))
	at := 0
	for _, s := range spans {
		s.Mask = r.cleanMask(s.Mask)
		out = append(out, b[at:s.Start]...)
		start := len(out)
		out = append(append(append(out, '['), s.Mask...), ']')
		moved = append(moved, Span{Start: start, End: len(out), Mask: s.Mask})
		at = s.End
	}
	return append(out, b[at:]...), moved
}

// cleanMask masks secrets and tokens in the user of a SASL message: it is part
// of the mask itself.
func (r *Redactor) cleanMask(mask string) string {
	if !strings.HasPrefix(mask, "sasl ") {
		return mask
	}
	fields := strings.Split(mask, " ")
	for i, f := range fields {
		if key, value, ok := strings.Cut(f, "="); ok && key != "secret" {
			fields[i] = key + "=" + maskValue(r.String(unmaskValue(value)))
		}
	}
	return strings.Join(fields, " ")
}
