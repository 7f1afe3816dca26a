package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// MaxJSON is the size up to which ReadJSON takes a file, in bytes.
const MaxJSON = 256 << 20

// maxNotRun bounds the tests without a result, so that those of many files add up.
const maxNotRun = math.MaxInt32

// ReadError says why a file is no results that can be read.
type ReadError struct {
	File string
	Msg  string
	Hint string // what to do about it, "" where nothing is known
}

func (e *ReadError) Error() string { return e.File + ": " + e.Msg }

// ReadJSON reads what WriteJSON wrote. file is what errors call it, which are of
// type *ReadError unless r failed. What such a file says is not trusted: results
// that contradict its own counts are an error, and so is whatever is unknown.
func ReadJSON(file string, r io.Reader) (*Run, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxJSON+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	wrong := func(format string, args ...any) *ReadError {
		return &ReadError{File: file, Msg: fmt.Sprintf(format, args...)}
	}
	if len(data) > MaxJSON {
		return nil, wrong("it is larger than %d MB", MaxJSON>>20)
	}
	if err := recognize(data); err != nil {
		err.File = file
		return nil, err
	}
	var doc jsonDocument
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, wrong("%s", jsonFault(data, err))
	}
	run, err := doc.run()
	if err != nil {
		return nil, wrong("%v", err)
	}
	return run, nil
}

// recognize finds out whether these are results at all, and in which schema.
func recognize(data []byte) *ReadError {
	var head struct {
		Format string `json:"format"`
		Schema int    `json:"schema"`
	}
	const other = "run --report json=FILE writes the results that are read here"
	err := json.Unmarshal(data, &head)
	var kind *json.UnmarshalTypeError
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return &ReadError{Msg: "it is empty"}
	case bytes.HasPrefix(data, []byte(`{"event":"run started"`)):
		return &ReadError{Msg: "these are events, not results", Hint: other}
	case err != nil && !errors.As(err, &kind):
		if !bytes.Contains(data[:min(len(data), 200)], []byte(jsonFormat)) {
			return &ReadError{Msg: "these are no results of smtplay: " + jsonFault(data, err), Hint: other}
		}
		return &ReadError{Msg: jsonFault(data, err)}
	case head.Format != jsonFormat:
		return &ReadError{Msg: "these are no results of smtplay", Hint: other}
	case head.Schema > jsonSchema:
		return &ReadError{Msg: fmt.Sprintf("these results are of schema %d, and this smtplay reads schema %d: a newer one is needed", head.Schema, jsonSchema)}
	case head.Schema != jsonSchema:
		return &ReadError{Msg: fmt.Sprintf("there is no schema %d of results", head.Schema)}
	}
	return nil
}

// jsonFault is what is wrong with a file as JSON, and on which line.
func jsonFault(data []byte, err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	trimmed := bytes.TrimRight(data, " \r\n\t")
	line := func(offset int64) int { return 1 + bytes.Count(data[:min(int64(len(data)), offset)], []byte("\n")) }
	switch {
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(trimmed)):
		return fmt.Sprintf("it is cut off on line %d", line(int64(len(trimmed))))
	case errors.As(err, &syntax):
		return fmt.Sprintf("line %d is no JSON: %v", line(syntax.Offset), syntax)
	case errors.As(err, &kind):
		return fmt.Sprintf("line %d: %s cannot be a %s", line(kind.Offset), kind.Field, kind.Value)
	}
	return err.Error()
}

// run makes of a document the run that it was written from.
func (d *jsonDocument) run() (*Run, error) {
	j := &d.Run
	run := &Run{Version: j.Version, Server: j.Server, Seed: j.Seed, Started: j.Started, Seconds: j.Seconds,
		Interrupted: j.Interrupted, NotRun: j.NotRun, Results: make([]suite.Result, 0, len(d.Results))}
	for _, t := range j.Targets {
		run.Targets = append(run.Targets, Target(t))
	}
	for _, s := range j.Shards {
		shard, err := suite.ParseShard(s)
		if err != nil {
			return nil, err
		}
		run.Shards = append(run.Shards, shard)
	}
	slices.SortFunc(run.Shards, suite.Shard.Compare)
	run.Shards = slices.Compact(run.Shards)
	scripts := map[told]*told{}
	for i := range d.Results {
		r, err := d.Results[i].result(scripts)
		if err != nil {
			return nil, fmt.Errorf("result %d, of %q: %w", i+1, d.Results[i].Script, err)
		}
		run.Results = append(run.Results, r)
	}
	if n := jsonCountsOf(run.Counts()); n != j.Counts {
		return nil, fmt.Errorf("it was changed or is damaged: it speaks of %v, and has the results of %v", j.Counts, n)
	}
	if !plausible(j.Seconds) {
		return nil, errors.New("it was changed or is damaged: its run lasted no time that can be")
	}
	if j.NotRun < 0 || j.NotRun > maxNotRun {
		return nil, errors.New("it was changed or is damaged: there are not so many tests")
	}
	return run, nil
}

// String is the counts in the words of the last line of a run.
func (n jsonCounts) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped, %s", n.Passed, n.Failed, n.Skipped, errorCount(n.Errors))
}

func plausible(seconds float64) bool { return seconds >= 0 && seconds <= math.MaxInt32 }

func (j *jsonResult) result(scripts map[told]*told) (suite.Result, error) {
	about := told{j.Script, j.Title, j.Description, j.Chapter}
	if scripts[about] == nil {
		scripts[about] = &about
	}
	r := suite.Result{Test: suite.Test{Script: scripts[about], Name: j.Test, Index: j.Index}, Seconds: j.Seconds, Runs: j.Runs, Bad: j.BadRuns, Flaky: j.Flaky,
		Dropped: j.Dropped, Record: j.Transcript}
	if r.Name == "" {
		r.Name = j.Script
	}
	for _, c := range j.Cells {
		r.Cells = append(r.Cells, suite.Cell(c))
	}
	for _, o := range []suite.Outcome{suite.Passed, suite.Failed, suite.Errored, suite.Skipped} {
		if o.String() == j.Outcome {
			r.Outcome = o
		}
	}
	switch {
	case j.Script == "":
		return r, errors.New("it names no script")
	case r.Outcome == 0:
		return r, fmt.Errorf("there is no outcome %q", j.Outcome)
	case j.Index < 0 || j.Runs < 1 || j.BadRuns < 0 || j.BadRuns > j.Runs || j.Dropped < 0 || !plausible(j.Seconds):
		return r, errors.New("its numbers cannot be")
	}
	if well := r.Outcome == suite.Passed || r.Outcome == suite.Skipped; well && j.wentWrong() {
		return r, fmt.Errorf("it %s, and has a failure", j.outcomeInWords())
	}
	r.Failure, r.Warning, r.Seed, r.Tokens = j.Failure.failure(), j.Warning, j.Seed, j.Unique
	for _, f := range j.Also {
		if f == nil {
			return r, errors.New("one of its failures is null")
		}
		r.Extra = append(r.Extra, f.failure())
	}
	if s := j.Skipped; s != nil {
		r.Reason, r.Pos = s.Reason, s.pos()
	}
	if d := j.Difference; d != nil {
		r.Difference = &suite.Difference{Before: d.Before, After: d.After, Alone: d.Alone}
		for _, c := range d.Changes {
			r.Difference.Changes = append(r.Difference.Changes, transcript.KeptChange(c.Conversation, c.Command, c.Diff))
		}
	}
	r.Events = make([]transcript.Event, 0, len(j.Events))
	for i := range j.Events {
		e, err := j.Events[i].event()
		if err != nil {
			return r, fmt.Errorf("event %d: %w", i+1, err)
		}
		r.Events = append(r.Events, e)
	}
	return r, nil
}

func (j jsonPlace) pos() transcript.Pos { return transcript.Pos{File: j.File, Line: j.Line} }

func (j *jsonFailure) failure() *suite.Failure {
	if j == nil {
		return nil
	}
	f := &suite.Failure{Pos: j.pos(), Source: j.Source, Column: j.Column, WantOff: spansOf(j.Expected, j.ExpectedOff), GotOff: spansOf(j.Got, j.GotOff), What: j.What, Command: j.Command, Want: j.Expected, Got: j.Got,
		Because: j.Because, Hint: j.Hint, Conn: j.Conversation, Target: j.Target}
	if j.SentAt != nil {
		f.SentAt = j.SentAt.pos()
	}
	for _, v := range j.Via {
		f.Via = append(f.Via, v.pos())
	}
	return f
}

// wentWrong says whether the result tells of something that no test that passed,
// or was skipped, can have met.
func (j *jsonResult) wentWrong() bool {
	return j.Failure != nil || len(j.Also) > 0 || j.BadRuns > 0 || j.Difference != nil
}

func (j *jsonResult) outcomeInWords() string {
	if j.Outcome == suite.Skipped.String() {
		return "was skipped"
	}
	return j.Outcome
}

// event is the event of which the lines were written.
func (j *jsonEvent) event() (transcript.Event, error) {
	kind := slices.Index(kindNames[1:], j.Kind) + 1
	e := transcript.Event{Conn: j.Conversation, Kind: transcript.Kind(kind), Time: j.Time}
	switch {
	case kind == 0:
		return e, fmt.Errorf("there is no kind %q", j.Kind)
	case j.Conversation < 1:
		return e, fmt.Errorf("there is no conversation %d", j.Conversation)
	}
	mark := e.Kind.String() + ": "
	if e.Kind != transcript.Server && e.Kind != transcript.Client {
		mark = "* " + e.Kind.String() + " "
		if len(j.Lines) != 1 {
			return e, fmt.Errorf("it has %d lines, and 1 is what there can be", len(j.Lines))
		}
	}
	b := append(make([]byte, 0, 256), transcript.Header+"\n"...)
	for _, line := range j.Lines {
		if !utf8.ValidString(line) || strings.Contains(line, "\n") {
			return e, errors.New("a line of it is no line of a transcript")
		}
		if b = append(append(b, mark...), line...); line == "" && mark[0] == '*' {
			b = b[:len(b)-1] // the blank
		}
		b = append(b, '\n')
	}
	parts, err := transcript.Decode(b)
	if err != nil {
		return e, fmt.Errorf("it is no piece of a transcript: %w", err)
	}
	for _, part := range parts {
		for _, s := range part.Spans {
			e.Spans = append(e.Spans, transcript.Span{Start: s.Start + len(e.Data), End: s.End + len(e.Data), Mask: s.Mask})
		}
		e.Data = append(e.Data, part.Data...)
	}
	return e, nil
}
