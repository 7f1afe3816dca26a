package report

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// What a document of results says of itself. The number grows when a reader of
// an older one would be wrong; that something is added does not make it grow.
const (
	jsonFormat = "smtplay results"
	jsonSchema = 1
)

// Schema is the JSON Schema of what WriteJSON writes.
//
//go:embed schema.json
var Schema string

// The document. What each field means is said in schema.json.
type (
	jsonDocument struct {
		Format  string       `json:"format"`
		Schema  int          `json:"schema"`
		Run     jsonRun      `json:"run"`
		Results []jsonResult `json:"results"`
	}
	jsonRun struct {
		Version     string       `json:"version"`
		Server      string       `json:"server,omitempty"`
		Targets     []jsonTarget `json:"targets,omitempty"`
		Seed        int64        `json:"seed,omitempty"`
		Started     time.Time    `json:"started,omitzero"`
		Seconds     float64      `json:"seconds"`
		Interrupted bool         `json:"interrupted,omitempty"`
		NotRun      int          `json:"not_run,omitempty"`
		Shards      []string     `json:"shards,omitempty"`
		Counts      jsonCounts   `json:"counts"`
	}
	jsonTarget struct {
		Name    string `json:"name"`
		Address string `json:"address"`
	}
	jsonCounts struct {
		Passed  int `json:"passed"`
		Failed  int `json:"failed"`
		Skipped int `json:"skipped"`
		Errors  int `json:"errors"`
	}
	jsonResult struct {
		Script      string          `json:"script"`
		Test        string          `json:"test,omitempty"`
		Index       int             `json:"index"`
		Cells       []jsonCell      `json:"cells,omitempty"`
		Title       string          `json:"title,omitempty"`
		Description string          `json:"description,omitempty"`
		Chapter     string          `json:"chapter,omitempty"`
		Outcome     string          `json:"outcome"`
		Seconds     float64         `json:"seconds"`
		Runs        int             `json:"runs"`
		BadRuns     int             `json:"bad_runs,omitempty"`
		Flaky       bool            `json:"flaky,omitempty"`
		Failure     *jsonFailure    `json:"failure,omitempty"`
		Also        []*jsonFailure  `json:"also,omitempty"`
		Skipped     *jsonSkip       `json:"skipped,omitempty"`
		Warning     string          `json:"warning,omitempty"`
		Seed        int64           `json:"seed,omitempty"`
		Unique      []string        `json:"unique,omitempty"`
		Difference  *jsonDifference `json:"difference,omitempty"`
		Transcript  string          `json:"transcript,omitempty"`
		Dropped     int             `json:"events_dropped,omitempty"`
		Events      []jsonEvent     `json:"events,omitempty"`
	}
	jsonCell struct {
		Axis  string `json:"axis"`
		Value string `json:"value"`
	}
	jsonPlace struct {
		File string `json:"file,omitempty"`
		Line int    `json:"line,omitempty"`
	}
	jsonFailure struct {
		jsonPlace
		Source       string      `json:"source,omitempty"`
		Column       int         `json:"column,omitempty"`
		Via          []jsonPlace `json:"called_from,omitempty"`
		What         string      `json:"what"`
		Command      string      `json:"command,omitempty"`
		SentAt       *jsonPlace  `json:"sent_at,omitempty"`
		Expected     string      `json:"expected,omitempty"`
		Got          string      `json:"got,omitempty"`
		ExpectedOff  [][2]int    `json:"expected_off,omitempty"`
		GotOff       [][2]int    `json:"got_off,omitempty"`
		Because      string      `json:"because,omitempty"`
		Hint         string      `json:"hint,omitempty"`
		Conversation int         `json:"conversation,omitempty"`
		Target       string      `json:"target,omitempty"`
	}
	jsonSkip struct {
		jsonPlace
		Reason string `json:"reason"`
	}
	jsonDifference struct {
		Before  string       `json:"before"`
		After   string       `json:"after"`
		Alone   bool         `json:"alone,omitempty"`
		Changes []jsonChange `json:"changes,omitempty"`
	}
	jsonChange struct {
		Conversation int    `json:"conversation"`
		Command      string `json:"command,omitempty"`
		Diff         string `json:"diff"`
	}
	jsonEvent struct {
		Time         time.Time `json:"time,omitzero"`
		Conversation int       `json:"conversation"`
		Kind         string    `json:"kind"`
		Lines        []string  `json:"lines"`
		TLS          *jsonTLS  `json:"tls,omitempty"`
	}
	jsonTLS struct {
		Version  string   `json:"version"`
		Cipher   string   `json:"cipher"`
		Subject  string   `json:"subject"`
		Verified bool     `json:"verified"`
		Problems []string `json:"problems,omitempty"`
	}
)

// WriteJSON writes everything that is known of a run, a result a line.
func WriteJSON(w io.Writer, run *Run) error {
	out := bufio.NewWriter(w)
	head, err := json.Marshal(jsonRunOf(run))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "{\n\"format\": %q,\n\"schema\": %d,\n\"run\": %s,\n\"results\": [", jsonFormat, jsonSchema, visibleJSON(head))
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	for i := range run.Results {
		line.Reset()
		if err := enc.Encode(jsonResultOf(&run.Results[i], true)); err != nil {
			return err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
		out.Write(visibleJSON(bytes.TrimSuffix(line.Bytes(), []byte("\n"))))
	}
	out.WriteString("\n]\n}\n")
	return out.Flush()
}

// visibleJSON is JSON that a terminal may show: what the encoder leaves as it is,
// and Visible would not, is written \uNNNN. That stands in strings alone, but for
// line ends.
func visibleJSON(doc []byte) []byte {
	odd := func(r rune) bool { return r >= 0x7f && hidden(r) }
	if !bytes.ContainsFunc(doc, odd) {
		return doc
	}
	out := make([]byte, 0, len(doc)+64)
	for i := 0; i < len(doc); {
		r, n := utf8.DecodeRune(doc[i:])
		if odd(r) {
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		} else {
			out = append(out, doc[i:i+n]...)
		}
		i += n
	}
	return out
}

func jsonRunOf(r *Run) jsonRun {
	j := jsonRun{Version: r.Version, Server: text(r.Server), Seed: r.Seed, Started: r.Started, Seconds: r.Seconds,
		Interrupted: r.Interrupted, NotRun: r.NotRun, Counts: jsonCountsOf(r.Counts())}
	for _, t := range r.Targets {
		j.Targets = append(j.Targets, jsonTarget{text(t.Name), text(t.Address)})
	}
	for _, s := range r.Shards {
		j.Shards = append(j.Shards, s.String())
	}
	return j
}

func jsonCountsOf(n suite.Counts) jsonCounts {
	return jsonCounts{n.Passed, n.Failed, n.Skipped, n.Errored}
}

func jsonResultOf(r *suite.Result, events bool) *jsonResult {
	j := &jsonResult{
		Script: text(r.Script.Name()), Index: r.Index, Title: text(title(r.Script)), Description: text(description(r.Script)), Chapter: text(chapterOf(r.Script)),
		Outcome: outcomeWord(r.Outcome), Seconds: r.Seconds, Runs: r.Runs, BadRuns: r.Bad, Flaky: r.Flaky,
		Failure: jsonFailureOf(r.Failure), Warning: text(r.Warning), Seed: r.Seed, Transcript: text(r.Record), Dropped: r.Dropped,
	}
	if r.Name != r.Script.Name() {
		j.Test = text(r.Name)
	}
	for _, c := range r.Cells {
		j.Cells = append(j.Cells, jsonCell{text(c.Axis), text(c.Value)})
	}
	for _, f := range r.Extra {
		j.Also = append(j.Also, jsonFailureOf(f))
	}
	if r.Outcome == suite.Skipped {
		j.Skipped = &jsonSkip{jsonPlaceOf(r.Pos), text(r.Reason)}
	}
	for _, t := range r.Tokens {
		j.Unique = append(j.Unique, text(t))
	}
	if d := r.Difference; d != nil {
		j.Difference = &jsonDifference{Before: text(d.Before), After: text(d.After), Alone: d.Alone}
		for _, c := range d.Changes {
			j.Difference.Changes = append(j.Difference.Changes, jsonChange{c.Conn, text(c.Command), text(string(c.AppendUnified(nil)))})
		}
	}
	if events {
		var writing eventLines
		j.Events = make([]jsonEvent, len(r.Events))
		for i, e := range r.Events {
			j.Events[i] = writing.json(e)
		}
	}
	return j
}

// outcomeWord is an outcome in one word; what came to none is an error.
func outcomeWord(o suite.Outcome) string {
	if o < suite.Passed || o > suite.Skipped {
		o = suite.Errored
	}
	return o.String()
}

func jsonPlaceOf(p transcript.Pos) jsonPlace { return jsonPlace{text(p.File), p.Line} }

func jsonFailureOf(f *suite.Failure) *jsonFailure {
	if f == nil {
		return nil
	}
	j := &jsonFailure{jsonPlace: jsonPlaceOf(f.Pos), Source: text(f.Source), Column: columnOf(f), ExpectedOff: placesOf(f.Want, f.WantOff), GotOff: placesOf(f.Got, f.GotOff), What: text(f.What), Command: text(f.Command),
		Expected: text(f.Want), Got: text(f.Got), Because: text(f.Because), Hint: text(f.Hint), Conversation: f.Conn, Target: text(f.Target)}
	if f.SentAt != (transcript.Pos{}) {
		at := jsonPlaceOf(f.SentAt)
		j.SentAt = &at
	}
	for _, v := range f.Via {
		j.Via = append(j.Via, jsonPlaceOf(v))
	}
	return j
}

// kindNames are the kinds of events in JSON.
var kindNames = [...]string{transcript.Connect: "connect", transcript.TLS: "tls", transcript.Server: "server", transcript.Client: "client",
	transcript.Note: "note", transcript.Close: "close", transcript.Step: "step", transcript.Accept: "accept"}

// eventLines writes events as the lines of a transcript, without the marks in
// front. It keeps its memory from event to event.
type eventLines struct{ line []byte }

func (l *eventLines) of(e transcript.Event) []string {
	e.Conn = 1 // which it is is said elsewhere
	l.line = transcript.AppendEvent(l.line[:0], e)
	all := string(l.line)
	prefix := e.Kind.String() + ": "
	if e.Kind != transcript.Server && e.Kind != transcript.Client {
		prefix = "* " + e.Kind.String()
	}
	lines := make([]string, 0, strings.Count(all, "\n"))
	for line := range strings.Lines(all) {
		line = strings.TrimSuffix(strings.TrimPrefix(line, prefix), "\n")
		if prefix[0] == '*' {
			line = strings.TrimPrefix(line, " ")
		}
		lines = append(lines, line)
	}
	return lines
}

func (l *eventLines) json(e transcript.Event) jsonEvent {
	j := jsonEvent{Time: e.Time, Conversation: e.Conn, Lines: l.of(e)}
	if int(e.Kind) < len(kindNames) {
		j.Kind = kindNames[e.Kind]
	}
	if e.Kind == transcript.TLS {
		if info, ok := transcript.ParseTLSInfo(text(string(e.Data))); ok {
			j.TLS = &jsonTLS{info.Version, info.Cipher, info.Subject, info.Verified(), info.Problems}
		}
	}
	return j
}

// text is s as JSON can hold it: bytes that are no UTF-8 are written \xNN.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}
