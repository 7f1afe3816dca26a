package main

import (
	"bytes"
	"io"

	"github.com/fatih/color"

	"smtplay/engine/transcript"
)

// screen shows a session as its transcript has it: what came in the colour of
// its class.
type screen struct {
	w     io.Writer
	typed bool // what is sent now was typed, and stands there already
	ink   map[byte]func(...any) string
	line  []byte
}

// newScreen shows to w. The caller decides on colours, not what the library
// finds out about the process.
func newScreen(w io.Writer, coloured bool) *screen {
	s := &screen{w: w, ink: map[byte]func(...any) string{}}
	for class, attribute := range map[byte]color.Attribute{
		'2': color.FgGreen, '3': color.FgCyan, '4': color.FgYellow, '5': color.FgRed, '*': color.Faint, '!': color.FgYellow,
	} {
		c := color.New(attribute)
		if coloured {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		s.ink[class] = c.SprintFunc()
	}
	return s
}

// Record implements transcript.Recorder. What a server sends is escaped as in a
// transcript: nothing of it moves the cursor.
func (s *screen) Record(e transcript.Event) {
	if e.Kind == transcript.Client && s.typed {
		return
	}
	s.line = transcript.AppendEvent(s.line[:0], e)
	ink := s.ink[classOf(e)]
	var out bytes.Buffer
	for line := range bytes.Lines(s.line) {
		text := string(bytes.TrimSuffix(line, []byte("\n")))
		if ink != nil {
			text = ink(text)
		}
		out.WriteString(text + "\n")
	}
	s.write(out.Bytes())
}

// classOf is the first digit of a reply; '*' is what smtplay says, '!' what of
// it is a warning.
func classOf(e transcript.Event) byte {
	switch {
	case e.Kind == transcript.Client || e.Kind == transcript.Server && len(e.Data) == 0:
		return 0
	case e.Kind == transcript.Server:
		return e.Data[0]
	case e.Kind == transcript.TLS && bytes.Contains(e.Data, []byte(" unverified: ")):
		return '!'
	}
	return '*'
}

func (s *screen) print(text string) { s.write([]byte(text)) }

// write shows b; what goes wrong the writer remembers.
func (s *screen) write(b []byte) { _, _ = s.w.Write(b) }
