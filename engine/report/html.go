package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"strconv"
	"strings"
	"sync"

	"smtplay/engine/hint"
	"smtplay/engine/suite"
)

//go:embed html.css
var htmlStyle string

//go:embed html.tmpl
var htmlTemplate string

// Bounds on the page: a browser has to show it.
const (
	maxTalks  = 1000 // results up to which those that passed have their conversations too
	maxOpened = 100  // results up to which all scripts are opened
)

// WriteHTML writes one page that needs nothing beside it, and no scripts. With
// more than a thousand results it leaves out the conversations of those that
// passed, and says so.
func WriteHTML(w io.Writer, run *Run) error {
	out := bufio.NewWriterSize(w, 1<<16)
	if err := pageTemplate().Execute(out, newHTMLPage(run)); err != nil {
		return err
	}
	return out.Flush()
}

// pageTemplate is parsed when a page is wanted.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Parse(htmlTemplate))
})

// What the template shows. Texts are visible already, and escaped by it.
type (
	htmlPage struct {
		Style     template.CSS
		Policy    string
		Verdict   string
		Mood      string // a class: passed, failed, error, skipped
		Server    string
		Facts     []htmlFact
		Bars      []htmlBar
		Total     int
		Stopped   string
		Left      bool // conversations of what passed were left out
		Faults    []*htmlTest
		Scripts   []*htmlScript
		Filters   []htmlFilter
		Generator string
	}
	htmlFact   struct{ Word, Text string }
	htmlFilter struct {
		Name, Word string
		N          int
		Checked    bool
	}
	htmlBar struct {
		Class, Word string
		At, N       int
	}
	htmlScript struct {
		Name, Title string
		Description template.HTML
		Grids       []*htmlGrid
		Tests       []*htmlTest
		Verdict     string
		Mood, Mark  string
		Open        bool
	}
	htmlTest struct {
		ID, Name, Script string
		Title            string
		Class, Word      string
		Mark             string
		Took             string
		Reason, Warning  string
		Failure          *htmlFailure
		Also             []*htmlFailure
		Diff             []htmlLine
		Again            []htmlFact
		Talk             template.HTML
		TalkWith         string
		Record           string
		Fault            bool
	}
	htmlFailure struct {
		What, Place, Command, SentAt string
		Source                       []htmlPiece
		Line                         int
		Via                          []string
		Want, Got                    []htmlPiece
		WantSays, GotSays            []hint.Part
		Because, Hint                string
	}
	htmlPiece struct {
		Text string
		Off  bool // this is where it went wrong
	}
	htmlLine struct{ Class, Text string }
)

func newHTMLPage(run *Run) *htmlPage {
	n := run.Counts()
	sum := sha256.Sum256([]byte(htmlStyle))
	p := &htmlPage{
		Style: template.CSS(htmlStyle), Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		Verdict: verdictLine(run), Mood: mood(run), Server: Visible(run.Server), Total: len(run.Results),
		Left: len(run.Results) > maxTalks, Generator: "smtplay " + Visible(run.Version),
	}
	p.facts(run)
	if run.NotRun > 0 || run.Interrupted {
		p.Stopped = stopped(run)
	}
	at := 0
	p.Filters = []htmlFilter{{"all", "All", len(run.Results), true}}
	for _, b := range []struct {
		word string
		n    int
		name string
	}{{"failed", n.Failed, "Failed"}, {"error", n.Errored, "No verdict"}, {"skipped", n.Skipped, "Skipped"}, {"passed", n.Passed, "Passed"}} {
		if b.n > 0 {
			p.Bars = append(p.Bars, htmlBar{b.word, strings.ToLower(b.name), at, b.n})
			p.Filters = append(p.Filters, htmlFilter{b.word, b.name, b.n, false})
			at += b.n
		}
	}
	p.tests(run)
	return p
}

func mood(run *Run) string {
	n := run.Counts()
	switch {
	case n.Failed > 0:
		return "failed"
	case n.Errored > 0 || run.NotRun > 0 || run.Interrupted:
		return "error"
	case n.Passed == 0:
		return "skipped"
	}
	return "passed"
}

func (p *htmlPage) facts(run *Run) {
	add := func(word, text string) {
		if text != "" {
			p.Facts = append(p.Facts, htmlFact{word, Visible(text)})
		}
	}
	add("Server", run.Server)
	for _, t := range run.Targets {
		add("Target "+Visible(t.Name), t.Address)
	}
	if !run.Started.IsZero() {
		add("Date", run.Started.Format("2 January 2006, 15:04 MST"))
	}
	add("Duration", seconds(run.Seconds))
	if run.Seed != 0 {
		add("Seed", strconv.FormatInt(run.Seed, 10))
	}
	add("smtplay", run.Version)
}

func (p *htmlPage) tests(run *Run) {
	number := 0
	for _, c := range chapters(run) {
		s := &htmlScript{Name: Visible(c.script.Name()), Title: Visible(title(c.script)), Description: markup(description(c.script)), Open: len(run.Results) <= maxOpened}
		var n suite.Counts
		for _, r := range c.results {
			number++
			t := newHTMLTest(r, s.Title, !p.Left)
			t.ID = "test-" + strconv.Itoa(number)
			s.Tests = append(s.Tests, t)
			if n.Add(r.Outcome); t.Fault {
				p.Faults = append(p.Faults, t)
				s.Open = true
			}
		}
		of := &Run{Results: make([]suite.Result, len(c.results))}
		for i, r := range c.results {
			of.Results[i].Outcome = r.Outcome
		}
		s.Grids = htmlGrids(c.results, s.Tests)
		s.Mood, s.Verdict = mood(of), brief(n)
		s.Mark = htmlMarks[s.Mood]
		p.Scripts = append(p.Scripts, s)
	}
}

// brief are counts without those that are zero.
func brief(n suite.Counts) string {
	var parts []string
	for _, c := range []struct {
		n    int
		word string
	}{{n.Failed, "failed"}, {n.Errored, "without verdict"}, {n.Skipped, "skipped"}, {n.Passed, "passed"}} {
		if c.n > 0 {
			parts = append(parts, strconv.Itoa(c.n)+" "+c.word)
		}
	}
	return strings.Join(parts, ", ")
}

// htmlMarks stand before tests and scripts, for those who do not see colours.
var htmlMarks = map[string]string{"passed": "✓", "failed": "✗", "error": "!", "skipped": "–"}

func newHTMLTest(r *suite.Result, scriptTitle string, talk bool) *htmlTest {
	t := &htmlTest{Name: Visible(testName(r)), Script: Visible(r.Script.Name()), Title: scriptTitle, Class: outcomeWord(r.Outcome), Took: runs(r),
		Reason: Visible(r.Reason), Warning: Visible(r.Warning), Record: Visible(r.Record)}
	t.Fault = t.Class == "failed" || t.Class == "error"
	t.Word = map[string]string{"passed": "Passed", "failed": "Failed", "error": "No verdict", "skipped": "Skipped"}[t.Class]
	t.Mark = htmlMarks[t.Class]
	if t.Name == "" {
		if t.Name = scriptTitle; t.Name == "" {
			t.Name = t.Script
		}
	}
	if t.Fault {
		t.Failure = newHTMLFailure(r.Failure)
	}
	for _, f := range r.Extra {
		t.Also = append(t.Also, newHTMLFailure(f))
	}
	if d := r.Difference; d != nil && len(d.Changes) > 0 {
		t.Diff = htmlDiff(d)
	}
	if r.Seed != 0 && t.Fault {
		t.Again = append(t.Again, htmlFact{"Seed", "--seed " + strconv.FormatInt(r.Seed, 10)})
	}
	if len(r.Tokens) > 0 && t.Fault {
		t.Again = append(t.Again, htmlFact{"Unique", Visible(strings.Join(r.Tokens, " "))})
	}
	if talk || t.Fault {
		t.Talk = talkHTML(r)
		t.TalkWith = talkWith(r)
	}
	return t
}

func htmlDiff(d *suite.Difference) []htmlLine {
	all := diffLines(d.Before, d.After, d.Changes)
	if len(all) > maxDiff {
		all = append(all[:maxDiff:maxDiff], "… "+plural(len(all)-maxDiff, "more line"))
	}
	var out []htmlLine
	for i, line := range all {
		class := "same"
		switch {
		case i < 2 || strings.HasPrefix(line, "@@"):
			class = "place"
		case strings.HasPrefix(line, "-"):
			class = "gone"
		case strings.HasPrefix(line, "+"):
			class = "new"
		}
		out = append(out, htmlLine{class, clip(Visible(line))})
	}
	return out
}
