package wire

import (
	"slices"
	"strings"
)

// Capabilities are what a server offered in its reply to EHLO or LHLO
// (RFC 5321 4.1.1.1), by keyword in upper case. The zero value offers nothing.
type Capabilities struct {
	keywords []string // in the order of the reply
	params   map[string][]string
	lines    []string // as they came
}

// ParseCapabilities reads the EHLO keywords of a reply; its first line is the
// server's name. Several lines of one keyword count as one. The obsolete form
// "AUTH=PLAIN LOGIN" is a keyword of its own, "AUTH=", never "AUTH".
func ParseCapabilities(r *Reply) Capabilities {
	c := Capabilities{params: map[string][]string{}}
	seen := map[string]bool{} // a server may offer half a million
	first := true
	r.lines(func(text []byte) bool {
		if first {
			first = false
			return true
		}
		c.add(string(text), seen)
		return true
	})
	return c
}

func (c *Capabilities) add(line string, seen map[string]bool) {
	c.lines = append(c.lines, line)
	fields := strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == '\t' })
	if len(fields) == 0 {
		return
	}
	keyword := upper(fields[0])
	params := fields[1:]
	if name, value, ok := strings.Cut(keyword, "="); ok {
		keyword = name + "="
		if value != "" {
			params = append([]string{fields[0][len(name)+1:]}, params...)
		}
	}
	if _, ok := c.params[keyword]; !ok {
		c.keywords = append(c.keywords, keyword)
		c.params[keyword] = []string{}
	}
	for _, p := range params {
		if offer := keyword + " " + p; !seen[offer] {
			seen[offer] = true
			c.params[keyword] = append(c.params[keyword], p)
		}
	}
}

// Keywords lists the keywords in the order in which they were offered.
func (c Capabilities) Keywords() []string { return slices.Clone(c.keywords) }

// String is what was offered as it came, a line each: nothing is folded, so that
// a secret among it is still known for one.
func (c Capabilities) String() string { return strings.Join(c.lines, "\n") }

// Params are the parameters of keyword, in the order in which they were
// offered; ok says whether the keyword was offered at all.
func (c Capabilities) Params(keyword string) (params []string, ok bool) {
	params, ok = c.params[upper(keyword)]
	return slices.Clone(params), ok
}

// Offers says whether keyword was offered, with param among its parameters
// where one is given. Neither is case-sensitive.
func (c Capabilities) Offers(keyword, param string) bool {
	params, ok := c.Params(keyword)
	if !ok || param == "" {
		return ok
	}
	param = upper(param)
	return slices.ContainsFunc(params, func(p string) bool { return upper(p) == param })
}
