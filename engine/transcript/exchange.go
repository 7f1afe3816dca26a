package transcript

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"smtplay/engine/wire"
)

// line is one line of a transcript.
type line struct {
	Event
	number int // in the file, from 1
}

// exchange is a command, or what else begins something, and all that came of it.
type exchange struct {
	verb    string // "EHLO"; "" for an answer to a challenge, and for a step
	name    string // what the replies answer where that is no command: "the connect"
	command []line
	answer  []line
	owes    int  // replies that are still to come
	text    bool // message text: verb is "."

	commandID, wholeID int // what a differ knows it by, 0 until asked
}

// conn is the conversation that the exchange belongs to.
func (x *exchange) conn() int {
	for _, l := range slices.Concat(x.command, x.answer) {
		return l.Conn
	}
	return 1
}

// end is the last line of an exchange, 0 for none.
func (x *exchange) end() int {
	end := 0
	if x != nil {
		for _, l := range slices.Concat(x.command, x.answer) {
			end = max(end, l.number)
		}
	}
	return end
}

// talk is one conversation, or what happened outside of any.
type talk struct {
	conn      int
	exchanges []*exchange

	next    int  // up to here all replies have come
	within  bool // the last line from the server goes on
	message bool // a 354 was read
	auth    bool // a 334 was read
	chunk   int  // bytes of a BDAT chunk that are still to come
	data    int  // the exchange behind the last DATA, where nothing since was answered; else 0

	accepted bool // smtplay is the server in it

	commands map[int]int // how often a differ met each command, nil until asked
}

// talks splits a transcript into its conversations, in the order in which they
// began, and these into exchanges. What does not count is left out.
func talks(events []Event, counts func(e Event, serves bool) bool) []*talk {
	var all []*talk
	open := map[int]*talk{}
	number := 1 // the header
	var sides Sides
	for _, e := range events {
		serves := sides.Serves(e)
		for part := range wireLines(e) {
			number++
			if !counts(e, serves) {
				continue
			}
			t := open[e.Conn]
			if t == nil || e.Kind.Begins() {
				t = &talk{conn: e.Conn, accepted: serves}
				open[e.Conn] = t
				all = append(all, t)
			}
			t.add(line{part, number})
		}
	}
	for _, t := range all {
		t.endAlike()
	}
	return all
}

// endAlike makes the end of a conversation that the server left the same,
// whether smtplay noticed before its closing QUIT or by it: which of the two is
// a matter of microseconds.
func (t *talk) endAlike() {
	quit := t.last()
	n := len(t.exchanges)
	if t.accepted || quit == nil || n < 2 || quit.verb != "QUIT" || len(quit.answer) != 1 {
		return
	}
	end := quit.answer[0]
	if by := string(end.Data); end.Kind != Close || by != "server" && by != "reset" {
		return
	}
	end.Data = []byte("server")
	before := t.exchanges[n-2]
	before.answer = append(before.answer, end)
	t.exchanges = t.exchanges[:n-1]
}

// wireLines yields an event line by line, as a file has it.
func wireLines(e Event) func(yield func(Event) bool) {
	return func(yield func(Event) bool) {
		if e.Kind != Server && e.Kind != Client {
			yield(e)
			return
		}
		data, spans := e.Data, e.Spans
		for at := 0; at < len(data); {
			end := len(data)
			if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
				end = at + i + 1
			}
			part := e
			part.Data, part.Spans = data[at:end:end], nil
			for len(spans) > 0 && spans[0].Start < end {
				s := spans[0]
				part.Spans = append(part.Spans, Span{Start: s.Start - at, End: s.End - at, Mask: s.Mask})
				spans = spans[1:]
			}
			if !yield(part) {
				return
			}
			at = end
		}
	}
}

func (t *talk) add(l line) {
	switch l.Kind {
	case Connect:
		t.exchanges = append(t.exchanges, &exchange{verb: "connect", name: "the connect", command: []line{l}, owes: 1})
	case Accept:
		t.exchanges = append(t.exchanges, &exchange{verb: "accept", name: "the connection", command: []line{l}, owes: 1})
	case Step:
		t.exchanges = append(t.exchanges, &exchange{name: string(l.Data), command: []line{l}})
	case Client:
		t.said(l)
	case Server:
		t.heard(l)
	default:
		t.answered(t.asked(), l)
	}
}

// answered adds a line to what came of an exchange.
func (t *talk) answered(x *exchange, l line) {
	x.answer = append(x.answer, l)
	if t.next >= t.data {
		t.data = 0
	}
}

// said adds a line of the client's.
func (t *talk) said(l line) {
	last := t.last()
	cut := last != nil && len(last.command) > 0 && last.command[len(last.command)-1].Kind == Client && !ends(last.command[len(last.command)-1])
	switch {
	case t.chunk > 0:
		t.chunk -= len(l.Data)
		last.command = append(last.command, l)
	case t.message:
		if last == nil || !last.text {
			last = &exchange{verb: ".", name: ".", text: true}
			t.exchanges = append(t.exchanges, last)
		}
		last.command = append(last.command, l)
		if string(l.Data) == ".\r\n" && !cut {
			last.owes, t.message = 1, false
		}
	case cut && len(last.answer) == 0:
		last.command = append(last.command, l)
	default:
		x := &exchange{command: []line{l}, owes: 1}
		if !t.auth {
			x.verb = wire.Verb(string(l.Data))
			t.chunk = chunkSize(x.verb, string(l.Data))
		}
		t.exchanges = append(t.exchanges, x)
		if x.verb == "DATA" {
			t.data = len(t.exchanges)
		}
		t.endText()
	}
	t.auth = false
}

// endText puts the lines between DATA and a lone dot together where no 354 had
// said that they are text: sent too early, or in spite of another reply.
func (t *talk) endText() {
	if t.data == 0 || string(t.last().command[0].Data) != ".\r\n" {
		return
	}
	text := &exchange{verb: ".", name: ".", text: true, owes: 1}
	for _, x := range t.exchanges[t.data:] {
		text.command = append(text.command, x.command...)
	}
	t.exchanges = append(t.exchanges[:t.data], text)
	t.data = 0
}

// ends: the line has a line end. A chunk or a piece may have none.
func ends(l line) bool { return bytes.HasSuffix(l.Data, []byte("\n")) }

// chunkSize is how many bytes follow a BDAT command (RFC 3030 section 2).
func chunkSize(verb, command string) int {
	fields := strings.Fields(command)
	if verb != "BDAT" || len(fields) < 2 {
		return 0
	}
	n, err := strconv.Atoi(fields[1])
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// heard adds a line of the server's to the exchange that waits for it. A reply
// that nothing asked for belongs to the last command.
func (t *talk) heard(l line) {
	x := t.asked()
	code, more := codeOf(l.Data)
	if (x.verb == "connect" || x.verb == "accept") && x.owes > 0 && x != t.last() && code != 220 && code/100 < 4 {
		x.owes = 0 // this transcript has no greeting: it begins later
		x = t.asked()
	}
	t.answered(x, l)
	if t.within = more; more {
		return
	}
	x.owes = max(0, x.owes-1)
	t.message = code == 354 && x == t.last()
	t.auth = code == 334
}

// asked is the exchange that waits for a reply; where none does, the last.
func (t *talk) asked() *exchange {
	if len(t.exchanges) == 0 {
		t.exchanges = append(t.exchanges, &exchange{})
	}
	for t.next < len(t.exchanges)-1 && t.exchanges[t.next].owes == 0 && !t.within {
		t.next++
	}
	return t.exchanges[t.next]
}

func (t *talk) last() *exchange {
	if len(t.exchanges) == 0 {
		return nil
	}
	return t.exchanges[len(t.exchanges)-1]
}

// codeOf is the code of a reply's line, 0 for what is none, and whether another
// line of that reply follows.
func codeOf(data []byte) (code int, more bool) {
	if len(data) < 3 || !isDigit(data[0]) || !isDigit(data[1]) || !isDigit(data[2]) {
		return 0, false
	}
	return int(data[0]-'0')*100 + int(data[1]-'0')*10 + int(data[2]-'0'), len(data) > 3 && data[3] == '-'
}

// hello says whether the exchange is an EHLO or LHLO that was answered with
// capabilities, every line in good form, and returns the lines of that reply
// and those that follow.
func (x *exchange) hello() (reply, rest []line, ok bool) {
	if x.verb != "EHLO" && x.verb != "LHLO" {
		return nil, nil, false
	}
	first := 0
	for i, l := range x.answer {
		code, more := codeOf(l.Data)
		if i == 0 {
			first = code
		}
		if l.Kind != Server || code/100 != 2 || code != first || !bytes.HasSuffix(l.Data, []byte("\r\n")) {
			break
		}
		if !more {
			return x.answer[:i+1], x.answer[i+1:], true
		}
	}
	return nil, nil, false
}
