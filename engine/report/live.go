package report

import (
	"bytes"
	"io"
	"sync"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// Live shows conversations as they happen, each event in one Write. It may be
// used by several tests at once.
type Live struct {
	W      io.Writer
	Color  bool
	Prefix bool                 // name the test on every line, as where several run at once
	Redact *transcript.Redactor // masks secrets in the names of tests; nil for none

	mu   sync.Mutex
	last string // the test whose events came last
}

// For is the recorder of one test.
func (l *Live) For(t suite.Test) transcript.Recorder { return l.Named(t.String()) }

// Named is the recorder of a conversation that people know by that name.
func (l *Live) Named(name string) transcript.Recorder {
	return &liveTest{live: l, palette: paletteFor(l.Color), name: Visible(l.Redact.String(name))}
}

type liveTest struct {
	palette
	live *Live
	name string
	out  bytes.Buffer
	line []byte

	sides transcript.Sides
}

// Record implements transcript.Recorder.
func (t *liveTest) Record(e transcript.Event) {
	t.live.mu.Lock()
	defer t.live.mu.Unlock()
	t.out.Reset()
	prefix := "      "
	if t.live.Prefix {
		prefix = t.quiet(t.name+":") + " "
	} else if t.live.last != t.name {
		t.out.WriteString(t.strong(t.name) + "\n")
		t.live.last = t.name
	}
	peer := theirs(&t.sides, e)
	t.line = transcript.AppendEvent(t.line[:0], e)
	for line := range bytes.Lines(t.line) {
		t.out.WriteString(prefix)
		text := string(bytes.TrimSuffix(line, []byte("\n")))
		switch {
		case peer:
			text = t.theirs(text)
		case e.Kind == transcript.Server, e.Kind == transcript.Client:
		default:
			text = t.quiet(text)
		}
		t.out.WriteString(text + "\n")
	}
	// That it cannot be shown is no fault of the test's: whoever owns the writer knows.
	_, _ = t.live.W.Write(t.out.Bytes())
}
