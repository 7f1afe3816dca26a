package main

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"smtplay/dsl"
	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// chooseFlags say which of the tests are run, or only listed.
type chooseFlags struct {
	filter   string
	tags     string
	tagsFrom string         // the settings file that gave the tags, "" where a flag did
	usual    *suite.TagExpr // those of the settings
	shard    string
	list     bool
}

func (f *chooseFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.filter, "filter", "", "`REGEXP`: only the tests whose names match")
	fs.StringVar(&f.tags, "tags", "", "`EXPR`: only the tests with these tags: tls; !slow, without it; tls+smoke, both; tls,smoke, one of them")
	fs.StringVar(&f.shard, "shard", "", "`I/N`: only part I of N, as for N machines; auto asks GitLab's or CircleCI's environment, auto/N a Kubernetes job's")
	fs.BoolVar(&f.list, "list", false, "list the tests that would run, with tags and titles, and send nothing")
}

// choose tells the runner which tests are wanted.
func (f *chooseFlags) choose(r *suite.Runner) (err error) {
	if f.filter != "" {
		if r.Filter, err = regexp.Compile(f.filter); err != nil {
			return usage("--filter: %v", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
	}
	if f.tags != "" {
		expr, err := suite.ParseTags(f.tags)
		if err != nil {
			return usage("--tags: %v", err)
		}
		if f.tagsFrom != "" {
			f.usual = expr
		} else {
			r.Tags = expr
		}
	}
	return nil
}

// meant leaves out the scripts that skip before they declare their tests, unless
// they are chosen by what is known of them. Whether their tests would be is not
// known, and said, but of the runbooks, which are named by their files.
func meant(p *process, r *suite.Runner, tests []suite.Test, ours bool) []suite.Test {
	var unsure []string
	chosen := slices.DeleteFunc(tests, func(t suite.Test) bool {
		if t.StandsFor != suite.Skipping || r.Chooses(t) {
			return false
		}
		unsure = append(unsure, report.Visible(p.redact.String(t.Script.Name())))
		return true
	})
	if len(unsure) > 0 && !ours {
		skips := "skip before they declare"
		if len(unsure) == 1 {
			skips = "skips before it declares"
		}
		p.note("%s %s tests: whether one of them is meant is not known", strings.Join(unsure, ", "), skips)
	}
	return chosen
}

// usually leaves out what the settings of the suite do, and says so: whoever runs
// it may not have them in mind. That none of these tests has a tag is no slip, for
// what holds for a suite may hold for none of a script's tests, unless it is
// nearly one that they have.
func (f *chooseFlags) usually(p *process, tests []suite.Test) []suite.Test {
	if f.usual == nil {
		return tests
	}
	known := map[string]bool{}
	var chosen []suite.Test
	for _, t := range tests {
		for _, tag := range t.Tags {
			known[tag] = true
		}
		if t.StandsFor == suite.Unreached || f.usual.Match(t.Tags) {
			chosen = append(chosen, t)
		}
	}
	from := report.Visible(f.tagsFrom)
	for _, tag := range f.usual.Tags() {
		if near := nearest(tag, slices.Sorted(maps.Keys(known))); near != "" && !known[tag] {
			p.warn("no test has the tag %q, which %s names: did you mean %q?", tag, from, near)
		}
	}
	if left := len(tests) - len(chosen); left > 0 && len(chosen) > 0 {
		p.note("%d of %s left out by the tags %q of %s: --tags \"\" takes all", left, count(len(tests), "test"), f.tags, from)
	}
	return chosen
}

// unknownTag says which tag was probably meant.
func unknownTag(e *suite.UnknownTagError) error {
	f := usage("--tags: %v", e)
	switch near := nearest(e.Tag, e.Known); {
	case len(e.Known) == 0:
		return f.try("no test has any tag: a line --- tags: %s in the comment that opens a file gives its tests one", e.Tag)
	case near != "":
		return f.try("did you mean %q? the tags are %s", near, strings.Join(e.Known, ", "))
	}
	return f.try("the tags are %s", strings.Join(e.Known, ", "))
}

// runners are those that number their machines in the environment.
var runners = []struct {
	name, index, of string
	first           int // the number of the first machine
}{
	{"GitLab", "CI_NODE_INDEX", "CI_NODE_TOTAL", 1},
	{"CircleCI", "CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0},
	{"Kubernetes", "JOB_COMPLETION_INDEX", "", 0}, // which does not say how many there are
}

// part is the shard that is wanted; the zero Shard is all.
func (f *chooseFlags) part(env map[string]string) (suite.Shard, error) {
	word, of, given := strings.Cut(f.shard, "/")
	switch {
	case f.shard == "":
		return suite.Shard{}, nil
	case word != "auto":
		shard, err := suite.ParseShard(f.shard)
		if err != nil {
			return shard, usage("--shard: %v", err)
		}
		return shard, nil
	}
	shard, err := numbered(env, of, given)
	if err != nil {
		return shard, err
	}
	return shard, nil
}

// numbered reads which machine of how many this is.
func numbered(env map[string]string, of string, given bool) (shard suite.Shard, err error) {
	by, half := "", ""
	for _, r := range runners {
		index, total := env[r.index], env[r.of]
		if index == "" && !(r.first == 1 && total == "1") { // GitLab says no more of a job that is alone
			if total != "" && half == "" {
				half = r.of + " is set, and " + r.index + ", which says which of them this is, is not"
			}
			continue
		}
		if by != "" {
			return shard, usage("--shard auto: the environment numbers machines twice, in %s and in %s", by, r.index).try("--shard I/N says which is meant")
		}
		by = r.index
		switch {
		case r.of == "" && (!given || of == ""):
			return shard, usage("--shard auto: %s does not say of how many: Kubernetes numbers the pods of a job, and does not count them", r.index).try("--shard auto/N, with the job's completions for N")
		case given && r.of != "" && total != "" && total != of:
			return shard, usage("--shard auto/%s: %s says %q", of, r.of, total)
		case r.of == "":
			total = of
		case index == "":
			index = "1"
		}
		if total == "" {
			return shard, usage("--shard auto: %s is set, and %s, which says of how many, is not", r.index, r.of).try("--shard I/N says which is meant")
		}
		n, err1 := strconv.Atoi(index)
		count, err2 := strconv.Atoi(total)
		if err1 != nil || err2 != nil {
			return shard, usage("--shard auto: %q of %q is no machine of %s's (%s)", index, total, r.name, strings.TrimSuffix(r.index+", "+r.of, ", "))
		}
		if shard, err = suite.NewShard(n-r.first+1, count); err != nil {
			return shard, usage("--shard auto: %s is %s: %v", r.index, index, err)
		}
	}
	if by == "" && half != "" {
		return shard, usage("--shard auto: %s", half).try("--shard I/N says which is meant")
	}
	if by == "" {
		return shard, usage("--shard auto: nothing in the environment says which machine of how many this is").
			try("GitLab sets CI_NODE_INDEX and CI_NODE_TOTAL, CircleCI CIRCLE_NODE_INDEX and CIRCLE_NODE_TOTAL, an indexed job of Kubernetes JOB_COMPLETION_INDEX; else write --shard I/N")
	}
	return shard, nil
}

// listed is a test in a list for machines.
type listed struct {
	Name   string       `json:"name"`
	Script string       `json:"script"`
	Title  string       `json:"title,omitempty"`
	Tags   []string     `json:"tags"`
	Cells  []listedCell `json:"cells,omitempty"`
	Once   bool         `json:"once"`
	File   string       `json:"file"`
	Line   int          `json:"line"`
}

type listedCell struct {
	Axis  string `json:"axis"`
	Value string `json:"value"`
}

// showList writes the tests, one a line.
func (f *chooseFlags) showList(w io.Writer, redact *transcript.Redactor, tests []suite.Test, format string) error {
	var b strings.Builder
	if format == formatJSON {
		b.WriteString("[")
		for i, t := range tests {
			line, err := json.Marshal(listing(t, redact.String))
			if err != nil {
				return err
			}
			b.WriteString(map[bool]string{true: "\n  ", false: ",\n  "}[i == 0])
			b.Write(line)
		}
		b.WriteString("\n]\n")
		_, err := io.WriteString(w, b.String())
		return err
	}
	hide := func(s string) string { return report.Visible(redact.String(s)) }
	names := report.NameWidth(tests)
	for _, t := range tests {
		l := listing(t, hide)
		line := hide(t.String())
		tags := ""
		if len(l.Tags) > 0 {
			tags = "[" + strings.Join(l.Tags, " ") + "]"
		}
		if rest := strings.TrimSpace(tags + "  " + l.Title); rest != "" {
			line += strings.Repeat(" ", max(0, names-utf8.RuneCountInString(line))) + "  " + rest
		}
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func listing(t suite.Test, hide func(string) string) listed {
	l := listed{Name: hide(t.Name), Script: hide(t.Script.Name()), Tags: []string{}, Once: t.Once, File: hide(t.At.File), Line: t.At.Line}
	if s, ok := t.Script.(*dsl.Script); ok {
		l.Title = hide(s.Title())
	}
	l.Tags = append(l.Tags, t.Tags...)
	l.Cells = append(l.Cells, gridPlace(t.Cells, hide)...)
	return l
}

// gridPlace is the place of a test in its grid, empty where it is in none.
func gridPlace(of []suite.Cell, hide func(string) string) []listedCell {
	cells := []listedCell{}
	for _, c := range of {
		cells = append(cells, listedCell{hide(c.Axis), hide(c.Value)})
	}
	return cells
}

// standIn gives a list the secrets that are missing: nothing is sent to anybody,
// and which tests there are is no matter of a password.
func standIn(env *suite.Env, secrets []string) {
	for _, name := range secrets {
		if env.Secrets[name] == "" {
			env.Secrets[name] = rand.Text()
			env.Redact.Add(name, env.Secrets[name])
		}
	}
}
