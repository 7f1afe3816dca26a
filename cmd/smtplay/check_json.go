package main

import (
	"encoding/json"

	"smtplay/dsl"
)

// checkVersion changes where a field of the document is renamed or removed.
const checkVersion = 1

// checkDocument is what check --format json writes: docs/editor.md describes it.
type checkDocument struct {
	Version  int            `json:"version"`
	Scripts  []checkScript  `json:"scripts"`
	Problems []checkProblem `json:"problems"`
	Errors   int            `json:"errors"`
}

type checkScript struct {
	File        string        `json:"file"`
	Title       string        `json:"title"`
	Description string        `json:"description"`
	Tests       []checkTest   `json:"tests"` // nil where they cannot be known
	Vars        []checkInput  `json:"vars"`
	Secrets     []checkInput  `json:"secrets"`
	Targets     []checkTarget `json:"targets"`
	Lookups     bool          `json:"lookups"`
}

// checkTest has the fields of listed, those that the script has left aside.
type checkTest struct {
	Name  string       `json:"name"`
	Tags  []string     `json:"tags"`
	Cells []listedCell `json:"cells"`
	Once  bool         `json:"once"`
	File  string       `json:"file"`
	Line  int          `json:"line"`
}

type checkInput struct {
	Name    string  `json:"name"`
	Default *string `json:"default"`
	Needed  bool    `json:"needed"`
	Doc     string  `json:"doc"`
	File    string  `json:"file"`
	Line    int     `json:"line"`
}

type checkTarget struct {
	Name     string `json:"name"`
	Optional bool   `json:"optional"`
	File     string `json:"file"`
	Line     int    `json:"line"`
}

type checkProblem struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
	Hint     string `json:"hint"`
	Source   string `json:"source"`
}

// writeChecked writes the document for programs.
func writeChecked(p *process, c *checked) (errors int) {
	c.problems.Sort()
	doc := checkDocument{Version: checkVersion, Scripts: []checkScript{}, Problems: []checkProblem{}}
	for _, s := range c.scripts {
		doc.Scripts = append(doc.Scripts, c.script(s))
	}
	for _, found := range c.problems {
		severity := "error"
		if found.Warning {
			severity = "warning"
		} else {
			doc.Errors++
		}
		doc.Problems = append(doc.Problems, checkProblem{c.redact.String(found.Pos.File), found.Pos.Line, found.Column, severity,
			c.redact.String(found.Msg), c.redact.String(found.Hint), c.redact.String(found.Source)})
	}
	out := json.NewEncoder(p.stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	// What goes wrong here standard output remembers.
	_ = out.Encode(doc)
	return doc.Errors
}

func (c *checked) script(s *dsl.Script) checkScript {
	needs := s.Needs()
	script := checkScript{File: c.redact.String(s.Name()), Title: c.redact.String(s.Title()), Description: c.redact.String(s.Description()),
		Vars: c.inputs(needs.Vars), Secrets: c.inputs(needs.Secrets), Targets: []checkTarget{}, Lookups: needs.Lookups}
	if declared, known := c.tests[s.Name()]; known {
		script.Tests = []checkTest{}
		for _, t := range declared {
			script.Tests = append(script.Tests, checkTest{c.redact.String(t.Name), append([]string{}, t.Tags...), gridPlace(t.Cells, c.redact.String),
				t.Once, c.redact.String(t.At.File), t.At.Line})
		}
	}
	for _, t := range targetsOf(needs) {
		script.Targets = append(script.Targets, checkTarget{c.redact.String(t.Name), t.Optional, c.redact.String(t.Pos.File), t.Pos.Line})
	}
	return script
}

func (c *checked) inputs(all []dsl.Input) []checkInput {
	inputs := []checkInput{}
	for _, in := range all {
		input := checkInput{Name: c.redact.String(in.Name), Needed: in.Needed, Doc: c.redact.String(in.Doc), File: c.redact.String(in.Pos.File), Line: in.Pos.Line}
		if in.Default != nil {
			masked := c.redact.String(*in.Default)
			input.Default = &masked
		}
		inputs = append(inputs, input)
	}
	return inputs
}
