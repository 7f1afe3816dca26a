package report

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"smtplay/engine/suite"
)

// The XML that JUnit's Ant task began, as Jenkins and GitLab read it today.
type (
	xmlSuite struct {
		XMLName    xml.Name       `xml:"testsuite"`
		Name       string         `xml:"name,attr"`
		Tests      int            `xml:"tests,attr"`
		Failures   int            `xml:"failures,attr"`
		Errors     int            `xml:"errors,attr"`
		Skipped    int            `xml:"skipped,attr"`
		Time       string         `xml:"time,attr"`
		Timestamp  string         `xml:"timestamp,attr,omitempty"`
		File       string         `xml:"file,attr,omitempty"`
		Properties *xmlProperties `xml:"properties"`
		Cases      []xmlCase      `xml:"testcase"`
	}
	xmlProperties struct {
		All []xmlProperty `xml:"property"`
	}
	xmlProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	xmlCase struct {
		Name      string      `xml:"name,attr"`
		Classname string      `xml:"classname,attr"`
		Time      string      `xml:"time,attr"`
		Skipped   *xmlProblem `xml:"skipped"`
		Error     *xmlProblem `xml:"error"`
		Failure   *xmlProblem `xml:"failure"`
		Out       string      `xml:"system-out,omitempty"`
	}
	xmlProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes a testsuite for each script, and a testcase for each test.
// What failed is a failure, what came to no verdict an error. The text of both is
// what the console shows. Tests that were not run are told of in no way that the
// format knows; where there are some, a suite of their own has an error.
func WriteJUnit(w io.Writer, run *Run) error {
	out := bufio.NewWriter(w)
	suites := junitSuites(run)
	n := run.Counts()
	unfinished := 0
	if run.NotRun > 0 || run.Interrupted { // repeats may be missing where no test is
		unfinished = 1
		suites = append(suites, unfinishedSuite(run))
	}
	fmt.Fprintf(out, "%s<testsuites name=\"smtplay\" tests=\"%d\" failures=\"%d\" errors=\"%d\" time=\"%s\">\n",
		xml.Header, len(run.Results)+unfinished, n.Failed, n.Errored+unfinished, junitTime(run.Seconds))
	enc := xml.NewEncoder(out)
	enc.Indent("  ", "  ")
	for _, s := range suites {
		if err := enc.Encode(s); err != nil {
			return err
		}
	}
	out.WriteString("\n</testsuites>\n")
	return out.Flush()
}

func junitSuites(run *Run) []*xmlSuite {
	var all []*xmlSuite
	// Of two cases that are called alike GitLab looks at the first only, and that may be the one that passed.
	given := names{}
	plain := &page{Console: &Console{}, palette: paletteFor(false)}
	for _, c := range chapters(run) {
		s := &xmlSuite{Name: Visible(c.script.Name()), File: Visible(c.script.Name()), Tests: len(c.results), Properties: junitProperties(run, c)}
		if !run.Started.IsZero() {
			s.Timestamp = run.Started.UTC().Format("2006-01-02T15:04:05")
		}
		took := 0.0
		for _, r := range c.results {
			took += r.Seconds
			switch r.Outcome {
			case suite.Passed:
			case suite.Failed:
				s.Failures++
			case suite.Skipped:
				s.Skipped++
			default:
				s.Errors++
			}
			one := junitCase(r, plain)
			one.Name = given.unique(one.Classname, one.Name)
			s.Cases = append(s.Cases, one)
		}
		s.Time = junitTime(took)
		all = append(all, s)
	}
	return all
}

func junitProperties(run *Run, c *chapter) *xmlProperties {
	var all []xmlProperty
	add := func(name, value string) {
		if value != "" {
			all = append(all, xmlProperty{name, Visible(value)})
		}
	}
	add("title", title(c.script))
	add("server", run.Server)
	for _, t := range run.Targets {
		add("target "+Visible(t.Name), t.Address)
	}
	if run.Seed != 0 {
		add("seed", strconv.FormatInt(run.Seed, 10))
	}
	if len(all) == 0 {
		return nil
	}
	return &xmlProperties{all}
}

func junitCase(r *suite.Result, plain *page) xmlCase {
	name := r.Script.Name()
	c := xmlCase{Name: Visible(r.Name), Time: junitTime(r.Seconds)}
	// Jenkins takes what stands before the last dot for a package.
	c.Classname = strings.ReplaceAll(strings.Trim(Visible(strings.TrimSuffix(name, path.Ext(name))), "./"), "/", ".")
	switch r.Outcome {
	case suite.Passed:
	case suite.Skipped:
		c.Skipped = &xmlProblem{Message: Visible(r.Reason)}
	case suite.Failed:
		c.Failure = junitProblem(r, plain, "failed")
	default:
		c.Error = junitProblem(r, plain, "no verdict")
	}
	var said []string
	if r.Warning != "" {
		said = append(said, "warning: "+strings.ReplaceAll(Visible(r.Warning), "[[", "[ [")) // no server says what is to be linked
	}
	if r.Record != "" {
		said = append(said, "[[ATTACHMENT|"+Visible(r.Record)+"]]") // Jenkins and GitLab link it
	}
	c.Out = strings.Join(said, "\n")
	return c
}

func junitProblem(r *suite.Result, plain *page, kind string) *xmlProblem {
	p := &xmlProblem{Type: kind, Message: kind}
	if r.Failure != nil {
		p.Message = clip(Visible(r.Failure.Error()))
	}
	plain.Reset()
	plain.story(r)
	p.Text = "\n" + strings.Trim(plain.String(), "\n") + "\n"
	return p
}

// unfinishedSuite keeps a run that was stopped from looking like a whole one.
func unfinishedSuite(run *Run) *xmlSuite {
	const name = "not run"
	why := stopped(run)
	return &xmlSuite{Name: name, Tests: 1, Errors: 1, Time: "0.000", Cases: []xmlCase{{Name: name, Classname: name, Time: "0.000",
		Error: &xmlProblem{Message: why, Type: name, Text: why}}}}
}

// stopped says why there are tests without a result.
func stopped(run *Run) string {
	n := run.Counts()
	why := "stopped before its end"
	switch {
	case run.Interrupted:
		why = "interrupted"
	case n.Failed+n.Errored > 0:
		why = "stopped after the first failure"
	}
	return why + ": " + plural(run.NotRun, "test") + " not run"
}

func junitTime(seconds float64) string { return strconv.FormatFloat(seconds, 'f', 3, 64) }
