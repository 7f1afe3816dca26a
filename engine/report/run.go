package report

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// Run is a run of a suite with its results, as the formats take it. Whoever
// fills it in masks its texts; Mask does so for results.
type Run struct {
	Version     string   // of smtplay
	Server      string   // the server under test; "" where only targets name one
	Targets     []Target // names that were pointed elsewhere, in order
	Seed        int64    // of the random numbers; 0 where runs with different ones were merged
	Started     time.Time
	Seconds     float64 // how long it took; of merged runs all together
	Interrupted bool    // somebody stopped it: the results are those so far
	NotRun      int     // tests without a result, as it was stopped before
	Results     []suite.Result

	Shards []suite.Shard // which parts of a run that was shared out these are, in order; nil where it was not
}

// Target is a name that scripts connect to, and where it leads.
type Target struct{ Name, Address string }

// TargetsOf are the targets of an environment, in order of their names.
func TargetsOf(t suite.Targets) []Target {
	var all []Target
	for name, address := range t.Named {
		all = append(all, Target{name, address})
	}
	slices.SortFunc(all, compareTargets)
	return all
}

// mostMissing bounds what Missing returns: a file may speak of any number of parts.
const mostMissing = 1000

// Missing are the parts that are not among the Shards, in order, and no more than
// 1,000 of them: without them nobody knows what the whole came to.
func (r *Run) Missing() []suite.Shard {
	var missing []suite.Shard
	for i, s := range r.Shards {
		from, to := 1, s.Index // what is between it and the one before
		if i > 0 && r.Shards[i-1].Of == s.Of {
			from = r.Shards[i-1].Index + 1
		}
		if i+1 == len(r.Shards) || r.Shards[i+1].Of != s.Of {
			to = s.Of + 1 // and what comes after the last
		}
		for n := from; n < to && len(missing) < mostMissing; n++ {
			if n != s.Index {
				missing = append(missing, suite.Shard{Index: n, Of: s.Of})
			}
		}
	}
	return missing
}

// Counts are the results by outcome.
func (r *Run) Counts() suite.Counts {
	var n suite.Counts
	for i := range r.Results {
		n.Add(r.Results[i].Outcome)
	}
	return n
}

// Flaky are the tests that passed only when they were tried again.
func (r *Run) Flaky() []suite.Test {
	var all []suite.Test
	for i := range r.Results {
		if r := &r.Results[i]; r.Flaky && r.Outcome == suite.Passed {
			all = append(all, r.Test)
		}
	}
	return all
}

// described is a script that says what it is about, as dsl.Script does.
type described interface {
	Title() string
	Description() string
}

// placed is a script that says where it stands in a document, as dsl.Script does.
type placed interface {
	Chapter() string // as suite.ParseChapter reads it; "" is none
}

// told is what is kept of a script beside its results. It cannot be run.
type told struct{ name, title, description, chapter string }

// Name implements suite.Script.
func (t *told) Name() string { return t.name }

// Title implements described.
func (t *told) Title() string { return t.title }

// Description implements described.
func (t *told) Description() string { return t.description }

// Chapter implements placed.
func (t *told) Chapter() string { return t.chapter }

// Tests implements suite.Script: there are none.
func (t *told) Tests(context.Context, *suite.Env) ([]suite.Declared, error) { return nil, nil }

// Run implements suite.Script: there is no verdict.
func (t *told) Run(context.Context, *suite.Env, *suite.Run) suite.Verdict { return suite.Verdict{} }

func title(s suite.Script) string {
	if d, ok := s.(described); ok {
		return d.Title()
	}
	return ""
}

func description(s suite.Script) string {
	if d, ok := s.(described); ok {
		return d.Description()
	}
	return ""
}

func chapterOf(s suite.Script) string {
	if p, ok := s.(placed); ok {
		return p.Chapter()
	}
	return ""
}

// Mask masks secrets in all that a result says, once for all formats. Events
// were masked as they were recorded, and hints say nothing of a script's or a
// server's. The zero value masks nothing. It may be used by several goroutines.
type Mask struct {
	Redact *transcript.Redactor

	mu      sync.Mutex
	scripts map[suite.Script]*told
}

// Result is r masked; r itself does not change.
func (m *Mask) Result(r suite.Result) suite.Result {
	single := r.Name == r.Script.Name()
	r.Script = m.script(r.Script)
	if r.Name = m.Redact.String(r.Name); single {
		r.Name = r.Script.Name()
	}
	r.Cells = slices.Clone(r.Cells)
	for i, c := range r.Cells {
		r.Cells[i] = suite.Cell{Axis: m.Redact.String(c.Axis), Value: m.Redact.String(c.Value)}
	}
	r.Failure = m.failure(r.Failure)
	r.Reason, r.Warning, r.Record = m.Redact.String(r.Reason), m.Redact.String(r.Warning), m.Redact.String(r.Record)
	r.Pos = m.pos(r.Pos)
	r.Tokens = m.texts(r.Tokens)
	r.Extra = slices.Clone(r.Extra)
	for i, f := range r.Extra {
		r.Extra[i] = m.failure(f)
	}
	r.Difference = m.difference(r.Difference)
	if r.Attempts = m.attempts(r.Attempts); r.Flaky && r.Outcome == suite.Passed && len(r.Attempts) > 0 {
		r.Warning = strings.TrimSuffix(late(&r)+"; "+r.Warning, "; ")
	}
	return r
}

// late is what there is to say of a pass that came late: where and how the first
// attempt went wrong.
func late(r *suite.Result) string {
	what := "passed only when tried again"
	if f := r.Attempts[0].Failure; f != nil {
		what += "; attempt 1: " + f.Error()
	}
	return what
}

// attempts keep what they came to, and not what was said.
func (m *Mask) attempts(all []suite.Attempt) []suite.Attempt {
	var masked []suite.Attempt
	for _, a := range all {
		masked = append(masked, suite.Attempt{Seconds: a.Seconds, Record: m.Redact.String(a.Record),
			Verdict: suite.Verdict{Outcome: a.Outcome, Failure: m.failure(a.Failure), Reason: m.Redact.String(a.Reason), Pos: m.pos(a.Pos), Seed: a.Seed}})
	}
	return masked
}

func (m *Mask) script(s suite.Script) *told {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.scripts[s]; t != nil {
		return t
	}
	t := &told{m.Redact.String(s.Name()), m.Redact.String(title(s)), m.Redact.String(description(s)), m.Redact.String(chapterOf(s))}
	if m.scripts == nil {
		m.scripts = map[suite.Script]*told{}
	}
	m.scripts[s] = t
	return t
}

func (m *Mask) failure(f *suite.Failure) *suite.Failure {
	if f == nil {
		return nil
	}
	masked := f.Masked(m.Redact.String)
	masked.Pos, masked.SentAt = m.pos(f.Pos), m.pos(f.SentAt)
	masked.Via = slices.Clone(f.Via)
	for i, p := range masked.Via {
		masked.Via[i] = m.pos(p)
	}
	return masked
}

func (m *Mask) pos(p transcript.Pos) transcript.Pos {
	p.File = m.Redact.String(p.File)
	return p
}

func (m *Mask) texts(all []string) []string {
	all = slices.Clone(all)
	for i, s := range all {
		all[i] = m.Redact.String(s)
	}
	return all
}

func (m *Mask) difference(d *suite.Difference) *suite.Difference {
	if d == nil {
		return nil
	}
	masked := *d
	masked.Before, masked.After = m.Redact.String(d.Before), m.Redact.String(d.After)
	masked.Changes = slices.Clone(d.Changes)
	for i, c := range masked.Changes {
		masked.Changes[i] = transcript.KeptChange(c.Conn, m.Redact.String(c.Command), m.Redact.String(string(c.AppendUnified(nil))))
	}
	return &masked
}
