package transcript

import (
	"maps"
	"slices"
	"strings"

	"smtplay/engine/wire"
)

// item is a line as it is compared and shown, masked.
type item struct {
	key, text string
	number    int
}

func (d *differ) items(lines []line) []item {
	items := make([]item, 0, len(lines))
	for _, l := range lines {
		items = append(items, item{d.key(l), d.text(l), l.number})
	}
	return items
}

func old(i item) changeLine     { return changeLine{'-', i.text, place{before: i.number}} }
func fresh(i item) changeLine   { return changeLine{'+', i.text, place{after: i.number}} }
func kept(i, j item) changeLine { return changeLine{' ', i.text, place{i.number, j.number}} }

// lines compares lines one by one.
func (d *differ) lines(a, b []item) []changeLine {
	var out []changeLine
	same := func(i, j int) int {
		if a[i].key == b[j].key {
			return identical
		}
		return 0
	}
	for _, p := range align(len(a), len(b), alignCells, same) {
		switch {
		case p.after < 0:
			out = append(out, old(a[p.before]))
		case p.before < 0:
			out = append(out, fresh(b[p.after]))
		default:
			out = append(out, kept(a[p.before], b[p.after]))
		}
	}
	return out
}

// answers compares what came of a command.
func (d *differ) answers(x, y *exchange) []changeLine {
	a, after, ok := x.hello()
	b, later, ok2 := y.hello()
	if !ok || !ok2 {
		a, after, b, later = nil, x.answer, nil, y.answer
	}
	out := d.offered(a, b)
	return append(out, d.lines(d.facts(after, later), d.facts(later, after))...)
}

// facts are lines of which those that tell of TLS are taken apart, where the
// others tell something else of it.
func (d *differ) facts(lines, others []line) []item {
	var out []item
	other := slices.IndexFunc(others, func(l line) bool { return l.Kind == TLS })
	for k, i := range d.items(lines) {
		mark, tls, ok := strings.Cut(i.text, " tls ")
		if !ok || lines[k].Kind != TLS || other < 0 || i.key == d.key(others[other]) {
			out = append(out, i)
			continue
		}
		for _, fact := range tlsFacts(tls) {
			out = append(out, item{fact, mark + " tls " + fact, i.number})
		}
	}
	return out
}

// tlsFacts takes the words of a TLSInfo apart, each fact with its name.
func tlsFacts(words string) []string {
	info, ok := ParseTLSInfo(words)
	if fields := strings.SplitN(words, " ", 4); !ok && len(fields) == 4 && fields[2] == "as" { // what smtplay showed as a server
		return []string{"version " + fields[0], "cipher " + fields[1], "subject " + fields[3]}
	}
	if !ok {
		return []string{words}
	}
	facts := []string{"version " + info.Version, "cipher " + info.Cipher, "subject " + info.Subject}
	if info.Verified() {
		return append(facts, "verified")
	}
	return append(facts, "unverified: "+strings.Join(info.Problems, ", "))
}

// offered compares two replies to EHLO: what is offered is a set, and so are
// the parameters of each keyword. The first line is text.
func (d *differ) offered(a, b []line) []changeLine {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	was, is := d.items(a), d.items(b)
	out := d.lines(was[:1], is[:1])
	before, after := d.offers(a), d.offers(b)
	at, gained := map[string]int{}, map[string][]int{}
	had := map[string]bool{}
	for _, offer := range before {
		had[offer] = true
	}
	for j, offer := range after {
		if _, twice := at[offer]; !twice {
			at[offer] = j
		}
		if !had[offer] {
			gained[keywordOf(offer)] = append(gained[keywordOf(offer)], j)
		}
	}
	renew := func(keyword string) {
		for _, j := range gained[keyword] {
			out = append(out, fresh(is[j+1]))
		}
		delete(gained, keyword)
	}
	for i, offer := range before {
		if j, still := at[offer]; still {
			out = append(out, kept(was[i+1], is[j+1]))
			continue
		}
		out = append(out, old(was[i+1]))
		if i == len(before)-1 || keywordOf(before[i+1]) != keywordOf(offer) {
			renew(keywordOf(offer))
		}
	}
	for _, offer := range after {
		renew(keywordOf(offer))
	}
	return out
}

// offers has for each line of a reply to EHLO but the first what its keyword
// offers, all its lines and their parameters put together in one order.
func (d *differ) offers(reply []line) []string {
	var own []string
	all := map[string]map[string]bool{}
	for _, l := range reply[1:] {
		keyword, params := offer(strings.TrimSuffix(string(d.Masks.hide(l.Event).Data), "\r\n"))
		own = append(own, keyword)
		if all[keyword] == nil {
			all[keyword] = map[string]bool{}
		}
		for _, p := range params {
			all[keyword][p] = true
		}
	}
	whole := map[string]string{}
	for keyword, params := range all {
		whole[keyword] = keyword + " " + strings.Join(slices.Sorted(maps.Keys(params)), " ")
	}
	for i, keyword := range own {
		own[i] = whole[keyword]
	}
	return own
}

// offer takes a line of a reply to EHLO apart, as wire.ParseCapabilities does:
// "AUTH=PLAIN" is a keyword of its own, "AUTH=".
func offer(line string) (keyword string, params []string) {
	fields := strings.FieldsFunc(line[min(4, len(line)):], func(c rune) bool { return c == ' ' || c == '\t' })
	if len(fields) == 0 {
		return "", nil
	}
	keyword, params = wire.Verb(fields[0]), fields[1:]
	if name, value, ok := strings.Cut(keyword, "="); ok {
		keyword = name + "="
		if value != "" {
			params = append([]string{fields[0][len(name)+1:]}, params...)
		}
	}
	return keyword, params
}

// keywordOf is the keyword of what offers returns.
func keywordOf(offer string) string {
	keyword, _, _ := strings.Cut(offer, " ")
	return keyword
}
