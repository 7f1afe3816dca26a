package transcript

import (
	"slices"
	"strings"
)

// Comparison says how two transcripts are compared. The zero value compares all
// of them, as they stand.
type Comparison struct {
	Masks   Masks
	Led     bool // only conversations that smtplay led as a client: those that it accepted are left out
	Replies bool // only what the server said and did: where it was reached, notes, steps and our own closing are left out
}

// Change is one difference between two transcripts: what came of a command
// before, and what after.
type Change struct {
	Conn    int      // which of the conversations open at the same time, from 1
	Command string   // what was answered, masked, as in a transcript: a command, "the connect", "the connection" that was accepted, "." for the end of a message
	Before  []string // the lines that are only in the first transcript, masked
	After   []string // the lines that are only in the second

	lines   []changeLine
	start   place  // the lines of the two behind which it stands
	unified string // what was kept of it elsewhere; "" where the lines are there
}

// changeLine is a line of a change as a diff shows it.
type changeLine struct {
	op   byte // ' ', '-', '+'
	text string
	at   place
}

// place is a line in each of two files, 0 where there is none.
type place struct{ before, after int }

// Diff lists the changes from one transcript to another, in order. Exchanges
// are compared, a command and what came of it, conversation by conversation: one
// that is new or missing changes none of the others. Of a reply, code and
// enhanced status code always count, the text under the masks; what EHLO offers
// is a set, and TLS is compared fact by fact.
func (c Comparison) Diff(before, after []Event) []Change {
	d := &differ{Comparison: c, ids: map[string]int{}}
	a, b := d.talks(before), d.talks(after)
	for _, p := range align(len(a), len(b), talkCells, func(i, j int) int { return d.likeness(a[i], b[j]) }) {
		switch {
		case p.after < 0:
			d.exchanges(a[p.before].exchanges, nil)
		case p.before < 0:
			d.exchanges(nil, b[p.after].exchanges)
		default:
			d.exchanges(a[p.before].exchanges, b[p.after].exchanges)
		}
	}
	return d.changes
}

// differ is a comparison that is being made.
type differ struct {
	Comparison
	ids     map[string]int // numbers of the texts met so far
	changes []Change
	at      place // how far both transcripts were looked at
}

func (d *differ) talks(events []Event) []*talk {
	return talks(events, func(e Event, serves bool) bool {
		ours := (string(e.Data) == "client") != serves
		return !(d.Led && serves) && (!d.Replies || e.Kind != Note && e.Kind != Step && (e.Kind != Close || !ours))
	})
}

// id is the number of a text: the same for the same text.
func (d *differ) id(text string) int {
	n, known := d.ids[text]
	if !known {
		n = len(d.ids) + 1
		d.ids[text] = n
	}
	return n
}

// text is a line under the masks, as a transcript has it.
func (d *differ) text(l line) string {
	e := d.Masks.hide(l.Event)
	return strings.TrimSuffix(string(AppendEvent(nil, e)), "\n")
}

// key is what of a line is compared: not which conversation it belongs to.
func (d *differ) key(l line) string {
	if d.Replies && l.Kind.Begins() {
		return l.Kind.String()
	}
	l.Conn = 1
	return d.text(l)
}

func (d *differ) keys(lines []line) string {
	keys := make([]string, 0, len(lines))
	for _, l := range lines {
		keys = append(keys, d.key(l))
	}
	return strings.Join(keys, "\n")
}

// commandID and wholeID tell whether two exchanges have the same command, and
// whether they are the same.
func (d *differ) commandID(x *exchange) int {
	if x.commandID == 0 {
		x.commandID = d.id(d.keys(x.command))
	}
	return x.commandID
}

func (d *differ) wholeID(x *exchange) int {
	if x.wholeID == 0 {
		var answer string
		if reply, rest, ok := x.hello(); ok {
			offers := d.offers(reply)
			slices.Sort(offers)
			answer = d.keys(reply[:1]) + "\n" + strings.Join(slices.Compact(offers), "\n") + "\n\n" + d.keys(rest)
		} else {
			answer = d.keys(x.answer)
		}
		x.wholeID = d.id(d.keys(x.command) + "\n\n" + answer)
	}
	return x.wholeID
}

// alike says whether two exchanges are the same. What is the same byte for byte
// is found without masking it.
func (d *differ) alike(a, b *exchange) bool {
	return sameLines(a.command, b.command) && sameLines(a.answer, b.answer) || d.wholeID(a) == d.wholeID(b)
}

func sameLines(a, b []line) bool {
	return slices.EqualFunc(a, b, func(a, b line) bool {
		return a.Kind == b.Kind && string(a.Data) == string(b.Data) && slices.Equal(a.Spans, b.Spans)
	})
}

// Scores of exchanges that are not identical.
const (
	sameCommand = 3
	sameVerb    = 1
)

// score says how well two exchanges correspond.
func (d *differ) score(a, b *exchange) int {
	switch {
	case d.alike(a, b):
		return identical
	case d.commandID(a) == d.commandID(b):
		return sameCommand
	case a.verb == b.verb && a.verb != "":
		return sameVerb
	}
	return 0
}

// likeness is how well two conversations correspond, from 0 to identical. One that
// was led and one that was accepted do not.
func (d *differ) likeness(a, b *talk) int {
	if a.accepted != b.accepted {
		return 0
	}
	if len(a.exchanges) == len(b.exchanges) {
		same := true
		for i := range a.exchanges {
			same = same && d.alike(a.exchanges[i], b.exchanges[i])
		}
		if same {
			return identical
		}
	}
	common := 0
	mine := d.countCommands(a)
	for id, n := range d.countCommands(b) {
		common += min(n, mine[id])
	}
	longer := max(len(a.exchanges), len(b.exchanges), 1)
	return min(1+common*(identical-1)/longer, identical-1)
}

// countCommands says how often each command is in a conversation.
func (d *differ) countCommands(t *talk) map[int]int {
	if t.commands == nil {
		t.commands = map[int]int{}
		for _, x := range t.exchanges {
			t.commands[d.commandID(x)]++
		}
	}
	return t.commands
}

// exchanges adds the changes from one conversation to another.
func (d *differ) exchanges(a, b []*exchange) {
	for _, p := range align(len(a), len(b), alignCells, func(i, j int) int { return d.score(a[i], b[j]) }) {
		var x, y *exchange
		if p.before >= 0 {
			x = a[p.before]
		}
		if p.after >= 0 {
			y = b[p.after]
		}
		if x == nil || y == nil || !d.alike(x, y) {
			d.change(x, y)
		}
		d.at.before = max(d.at.before, x.end())
		d.at.after = max(d.at.after, y.end())
	}
}

// change adds the change from one exchange to another, nil for none.
func (d *differ) change(x, y *exchange) {
	of := y
	if x != nil {
		of = x
	}
	c := Change{Command: d.name(of), Conn: of.conn(), start: d.at}
	if x == nil {
		x = &exchange{}
	}
	if y == nil {
		y = &exchange{}
	}
	c.lines = append(d.lines(d.items(x.command), d.items(y.command)), d.answers(x, y)...)
	for _, l := range c.lines {
		switch l.op {
		case '-':
			c.Before = append(c.Before, l.text)
		case '+':
			c.After = append(c.After, l.text)
		}
	}
	d.changes = append(d.changes, c)
}

// name is what an exchange is called.
func (d *differ) name(x *exchange) string {
	if x.name != "" || len(x.command) == 0 {
		return x.name
	}
	_, text, _ := strings.Cut(d.text(x.command[0]), " ")
	return text
}
