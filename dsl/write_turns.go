package dsl

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// turn is what one side of a conversation said before the other did, or what
// happened between.
type turn struct {
	kind  turnKind
	conn  int
	lines []sentLine // commandTurn
	bytes []byte     // rawTurn, messageTurn, oddTurn: as on the wire; of all others the event's words
	reply *wire.Reply
}

type turnKind uint8

const (
	connectTurn turnKind = iota
	tlsTurn
	commandTurn // command lines that were sent without a reply between them
	messageTurn // message text, with the lone dot where it was sent
	rawTurn     // bytes that are no lines
	replyTurn
	oddTurn // bytes of the server that are no reply
	noteTurn
	stepTurn
	closeTurn
)

// sentLine is a line of the client's without its CRLF.
type sentLine struct {
	text  string
	spans []transcript.Span
}

// hearing is how far one conversation has come, while its events are made turns.
type hearing struct {
	conn    int
	in      []byte // of a reply that is not whole yet
	scanner wire.Scanner
	dead    bool // the server said what is no reply
	text    bool // a 354 was read: what the client sends is message text
	ragged  bool // the last line of that ended in a bare LF, so that a dot after it ends nothing
	chunk   int  // bytes of a BDAT chunk that are still to come
	begun   int  // where the command of that chunk begins in the bytes of the last turn
	masked  bool // part of the chunk is masked: it is as long as it is shown, up to the reply
	last    int  // the turn that the client's next line may join, -1 for none
}

// turnsOf takes the events of a test for turns, in their order.
func turnsOf(events []transcript.Event) []turn {
	var turns []turn
	hearings := map[int]*hearing{}
	var sides transcript.Sides
	for i := range events {
		e := &events[i]
		if sides.Serves(*e) { // no client's script plays that side
			if e.Kind == transcript.Accept {
				turns = append(turns, turn{kind: noteTurn, conn: e.Conn, bytes: append([]byte("left out, where smtplay was the server: "), e.Data...)})
			}
			continue
		}
		h := hearings[e.Conn]
		if h == nil || e.Kind == transcript.Connect {
			if h != nil {
				turns = h.unfinished(turns)
			}
			h = &hearing{conn: e.Conn, last: -1}
			hearings[e.Conn] = h
		}
		switch e.Kind {
		case transcript.Client:
			turns = h.sent(turns, e)
			continue
		case transcript.Server:
			turns = h.heard(turns, e.Data)
		case transcript.Close:
			turns = h.unfinished(turns)
			turns = append(turns, turn{kind: closeTurn, conn: e.Conn, bytes: e.Data})
		default:
			turns = append(turns, turn{kind: turnOf[e.Kind], conn: e.Conn, bytes: e.Data})
		}
		if e.Kind != transcript.Note && e.Kind != transcript.Step {
			h.last = -1
		}
	}
	for _, conn := range slices.Sorted(maps.Keys(hearings)) {
		turns = hearings[conn].unfinished(turns)
	}
	return turns
}

var turnOf = map[transcript.Kind]turnKind{transcript.Connect: connectTurn, transcript.TLS: tlsTurn, transcript.Note: noteTurn, transcript.Step: stepTurn}

// heard takes in bytes of the server.
func (h *hearing) heard(turns []turn, data []byte) []turn {
	if h.dead {
		return append(turns, turn{kind: oddTurn, conn: h.conn, bytes: data})
	}
	h.in = append(h.in, data...)
	for len(h.in) > 0 {
		n, err := h.scanner.Scan(h.in)
		if err != nil {
			h.dead = true
			return h.unfinished(turns)
		}
		if n == 0 {
			return turns
		}
		r := h.scanner.Reply(slices.Clone(h.in[:n]))
		h.scanner = wire.Scanner{}
		h.in = append(h.in[:0], h.in[n:]...)
		h.measure(turns)
		h.text, h.ragged, h.chunk = r.Code == 354, false, 0
		turns = append(turns, turn{kind: replyTurn, conn: h.conn, reply: &r})
	}
	return turns
}

// measure makes BDAT announce what is shown of its chunk: a mask is not as long
// as what it stands for.
func (h *hearing) measure(turns []turn) {
	if !h.masked {
		return
	}
	h.masked = false
	if h.last < 0 || turns[h.last].kind != rawTurn {
		return
	}
	all := turns[h.last].bytes
	command, chunk, _ := bytes.Cut(all[h.begun:], []byte("\r\n"))
	fields := strings.Fields(string(command))
	fields[1] = strconv.Itoa(len(chunk))
	measured := strings.Join(fields, " ") + "\r\n"
	turns[h.last].bytes = slices.Concat(all[:h.begun], []byte(measured), chunk)
}

// unfinished is what is left where no whole reply came.
func (h *hearing) unfinished(turns []turn) []turn {
	if len(h.in) > 0 {
		turns = append(turns, turn{kind: oddTurn, conn: h.conn, bytes: slices.Clone(h.in)})
		h.in, h.dead = nil, true
	}
	return turns
}

// sent takes in bytes of the client, which may be several lines.
func (h *hearing) sent(turns []turn, e *transcript.Event) []turn {
	at := 0
	for line := range bytes.Lines(e.Data) {
		var spans []transcript.Span
		for _, s := range e.Spans {
			if s.Start >= at && s.End <= at+len(line) {
				spans = append(spans, transcript.Span{Start: s.Start - at, End: s.End - at, Mask: s.Mask})
			}
		}
		at += len(line)
		turns = h.line(turns, line, spans)
	}
	return turns
}

func (h *hearing) line(turns []turn, line []byte, spans []transcript.Span) []turn {
	plain := bytes.HasSuffix(line, []byte("\r\n")) && !bytes.ContainsAny(line[:len(line)-2], "\r\n")
	switch {
	case h.chunk > 0 || h.masked:
		h.masked = h.masked || len(spans) > 0
		h.chunk -= len(line)
		return h.join(turns, rawTurn, line)
	case h.text:
		h.text = h.ragged || string(line) != ".\r\n"
		h.ragged = !bytes.HasSuffix(line, []byte("\r\n"))
		return h.join(turns, messageTurn, line)
	case !plain:
		return h.join(turns, rawTurn, line)
	}
	text := string(line[:len(line)-2])
	if h.chunk = chunkSize(text); h.chunk > 0 {
		turns = h.join(turns, rawTurn, line)
		h.begun = len(turns[h.last].bytes) - len(line)
		return turns
	}
	said := sentLine{text: text, spans: spans}
	if h.last >= 0 && turns[h.last].kind == commandTurn {
		if before := turns[h.last].lines; len(before) == 1 && len(spans) == 0 && wire.Verb(before[0].text) == "STARTTLS" {
			// Nobody answers what was sent beside STARTTLS.
			turns[h.last] = turn{kind: rawTurn, conn: h.conn, bytes: []byte(before[0].text + "\r\n" + string(line))}
			return turns
		}
		turns[h.last].lines = append(turns[h.last].lines, said)
		return turns
	}
	h.last = len(turns)
	return append(turns, turn{kind: commandTurn, conn: h.conn, lines: []sentLine{said}})
}

// join adds bytes to the last turn where that is of the same kind.
func (h *hearing) join(turns []turn, kind turnKind, line []byte) []turn {
	if h.last >= 0 && turns[h.last].kind == kind {
		turns[h.last].bytes = append(turns[h.last].bytes, line...)
		return turns
	}
	h.last = len(turns)
	return append(turns, turn{kind: kind, conn: h.conn, bytes: slices.Clone(line)})
}

// chunkSize is how many bytes follow a BDAT command (RFC 3030 section 2).
func chunkSize(line string) int {
	if wire.Verb(line) != "BDAT" {
		return 0
	}
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return 0
	}
	n, err := strconv.ParseUint(fields[1], 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}
