package paste

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// summary is what comes of a conversation, in a few words.
func summary(events []transcript.Event) string {
	var o outcomes
	for i := range events {
		switch e := &events[i]; e.Kind {
		case transcript.Client:
			o.said(e.Data)
		case transcript.Server:
			o.answered(e.Data)
		}
	}
	if len(o.words) == 0 {
		return "nothing is refused"
	}
	return strings.Join(o.words, ", ")
}

// outcomes are what replies mean for a conversation.
type outcomes struct {
	words   []string
	owed    []string // what the next replies answer
	greeted bool
	within  bool // a reply of several lines
	text    bool
	login   bool // a 334 was read
	chunk   int
}

const theMessage = "the message"

func (o *outcomes) said(line []byte) {
	switch {
	case o.chunk > 0:
		o.chunk -= len(line)
	case o.text:
		if o.text = string(line) != ".\r\n"; !o.text {
			o.owed = append(o.owed, theMessage)
		}
	case o.login:
		o.login = false
		o.owed = append(o.owed, "AUTH")
	default:
		verb := commandForm(bytes.TrimRight(line, "\r\n"))
		if verb == "BDAT" {
			o.chunk, _ = strconv.Atoi(string(bytes.Fields(line)[1]))
		}
		o.owed = append(o.owed, cmp.Or(verb, "a line"))
	}
}

func (o *outcomes) answered(line []byte) {
	code, more, ok := replyForm(bytes.TrimRight(line, "\r\n"))
	first := !o.within
	if o.within = more; !ok || !first {
		return
	}
	what := "the connect"
	if o.greeted && len(o.owed) > 0 {
		what, o.owed = o.owed[0], o.owed[1:]
	}
	o.greeted = true
	o.text, o.login = code == 354, code == 334
	if word := outcome(what, code, line); word != "" && len(o.words) < maxWords {
		o.words = append(o.words, word)
	}
}

// maxWords is how much a summary says.
const maxWords = 3

// outcome is what a reply means for a conversation, "" for nothing of note.
func outcome(what string, code int, line []byte) string {
	switch {
	case code == 235:
		return "login"
	case code/100 == 2 && what == "STARTTLS":
		return "TLS"
	case code/100 == 2 && (what == theMessage || what == "BDAT"):
		return "a message is taken"
	case code >= 400:
		status := string(line[:3])
		if r, err := wire.ParseReply(line); err == nil && r.Enhanced() != "" {
			status += " " + r.Enhanced()
		}
		return status + " to " + what
	}
	return ""
}
