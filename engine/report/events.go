package report

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"
	"time"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// EventsFormat is the name by which people ask for Events, which is no Format:
// it is written as things happen.
const EventsFormat = "events"

// jsonEvents is what a stream of events says of itself.
const jsonEvents = "smtplay events"

// Events tells programs what happens, one JSON object a line and a line a Write.
// What stands in it is said in schema.json. It may be used by several tests at
// once. The zero value but for W works.
type Events struct {
	W    io.Writer
	Mask *Mask // nil masks nothing

	mu   sync.Mutex
	err  error
	runs int
	line bytes.Buffer
}

type (
	streamBegin struct {
		Event  string    `json:"event"`
		Format string    `json:"format"`
		Schema int       `json:"schema"`
		Time   time.Time `json:"time"`
		Tests  int       `json:"tests"`
		Run    jsonRun   `json:"run"`
	}
	streamTest struct {
		Event  string    `json:"event"`
		Time   time.Time `json:"time"`
		ID     int       `json:"id"`
		Script string    `json:"script"`
		Test   string    `json:"test,omitempty"`
	}
	streamSaid struct {
		Event string `json:"event"`
		ID    int    `json:"id"`
		jsonEvent
	}
	streamEnded struct {
		Event  string      `json:"event"`
		Time   time.Time   `json:"time"`
		ID     int         `json:"id"`
		Result *jsonResult `json:"result"`
	}
	streamEnd struct {
		Event string    `json:"event"`
		Time  time.Time `json:"time"`
		Run   jsonRun   `json:"run"`
	}
)

// Begin tells of the run, and of how many tests there are to be.
func (s *Events) Begin(run *Run, tests int) {
	s.write(streamBegin{"run started", jsonEvents, jsonSchema, time.Now(), tests, jsonRunOf(run)})
}

// End tells how the run ended.
func (s *Events) End(run *Run) { s.write(streamEnd{"run ended", time.Now(), jsonRunOf(run)}) }

// Err is the first error that a Write met. Nothing is written after it.
func (s *Events) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// For is the recorder of one run of a test, which begins now. It is a
// suite.Ender.
func (s *Events) For(t suite.Test) transcript.Recorder {
	s.mu.Lock()
	s.runs++
	run := &streamRun{to: s, id: s.runs}
	s.mu.Unlock()
	r := jsonResultOf(s.masked(suite.Result{Test: t}), false)
	s.write(streamTest{"test started", time.Now(), run.id, r.Script, r.Test})
	return run
}

func (s *Events) masked(r suite.Result) *suite.Result {
	if s.Mask != nil {
		r = s.Mask.Result(r)
	}
	return &r
}

// streamRun is one run of a test.
type streamRun struct {
	to    *Events
	id    int
	lines eventLines
}

// Record implements transcript.Recorder.
func (r *streamRun) Record(e transcript.Event) {
	r.to.write(streamSaid{"said", r.id, r.lines.json(e)})
}

// Ended implements suite.Ender.
func (r *streamRun) Ended(result *suite.Result) {
	masked := r.to.masked(*result)
	masked.Runs, masked.Bad = 1, 0
	r.to.write(streamEnded{"test ended", time.Now(), r.id, jsonResultOf(masked, false)})
}

func (s *Events) write(v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.line.Reset()
	enc := json.NewEncoder(&s.line)
	enc.SetEscapeHTML(false)
	if s.err = enc.Encode(v); s.err == nil {
		_, s.err = s.W.Write(visibleJSON(s.line.Bytes()))
	}
}
