package dsl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"smtplay/engine/transcript"
)

// ScriptWriter writes conversations as a script, a test each: what was sent,
// and the replies that came as what is expected.
//
// Inputs stand at the top of the script. For that it keeps what it is given
// until Close, or until it is more than a script may have: from there on it
// writes as it goes, and an input stands before the first test that needs it.
type ScriptWriter struct {
	w       io.Writer
	options WriteOptions
	inputs  inputs
	body    bytes.Buffer // tests that are not written yet
	flowing bool         // the head is written: tests are written as they come
	tests   int
	names   map[string]bool
	alone   bool // the script is one test without a name
	err     error
}

// WriteOptions say how a script is written. The zero value works.
type WriteOptions struct {
	Title string // of the leading "---" block, "" for none
	Text  bool   // expect the text of replies too, not only code and enhanced status
}

// NewScriptWriter returns a ScriptWriter to w.
func NewScriptWriter(w io.Writer, o WriteOptions) *ScriptWriter {
	return &ScriptWriter{w: w, options: o, names: map[string]bool{}}
}

// Write adds a test. The events are as transcript.Decode returns them, those of
// one conversation or of several (Event.Conn): a SASL message is the mask that
// stands for it. name is the test's; "" where the script is this one test and
// needs no test().
//
// What cannot be sent or expected again stands in the script as a comment. A
// test that comes to a password of which only the use was recorded, by a
// mechanism that smtplay does not have, skips there.
func (w *ScriptWriter) Write(name string, events []transcript.Event) error {
	if w.err != nil {
		return w.err
	}
	if w.alone || name == "" && w.tests > 0 {
		return errors.New("a script of several tests needs the name of each")
	}
	w.tests++
	w.alone = name == ""
	s := &scribe{inputs: &w.inputs, text: w.options.Text, turns: turnsOf(events)}
	if !w.alone {
		s.indent = "  "
	}
	s.test()
	switch {
	case w.flowing:
		w.body.Write(w.inputs.declare(true))
	case w.body.Len() > 0:
		w.body.WriteByte('\n')
	}
	if w.alone {
		w.body.Write(s.out.Bytes())
	} else {
		fmt.Fprintf(&w.body, "test(%s, function()\n%send)\n", quote(w.unused(name)), s.out.Bytes())
	}
	if w.flowing || w.body.Len() > maxSource {
		w.flush()
	}
	return w.err
}

// Close writes what is not written yet, and reports the first error of a write.
func (w *ScriptWriter) Close() error {
	w.flush()
	return w.err
}

// flush writes the head, where that is not done, and the tests so far.
func (w *ScriptWriter) flush() {
	var head []byte
	if !w.flowing {
		w.flowing = true
		if title := oneLine(w.options.Title); title != "" {
			head = append(head, "--- "+title+"\n\n"...)
		}
		head = append(head, w.inputs.declare(false)...)
	}
	for _, b := range [][]byte{head, w.body.Bytes()} {
		if w.err == nil && len(b) > 0 {
			_, w.err = w.w.Write(b)
		}
	}
	w.body.Reset()
}

// maxNames bounds the names of tests that are remembered: a script with more of
// them is too long to be run.
const maxNames = 1 << 15

// unused is a name that no test before has.
func (w *ScriptWriter) unused(name string) string {
	if name = oneLine(name); w.names[name] || len(w.names) >= maxNames || name == "" {
		name = strings.TrimSpace(fmt.Sprintf("%s (%d)", name, w.tests))
	}
	for w.names[name] {
		name += "'"
	}
	if len(w.names) < maxNames {
		w.names[name] = true
	}
	return name
}

// oneLine is text without line ends, and without what an editor would not show.
func oneLine(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?")))
}
