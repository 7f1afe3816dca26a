package report

import "smtplay/engine/suite"

// chapter is a script with the results of its tests.
type chapter struct {
	script  suite.Script
	results []*suite.Result
}

// chapters are the results script by script, in the order in which each comes
// first.
func chapters(run *Run) []*chapter {
	var all []*chapter
	named := map[string]*chapter{}
	for i := range run.Results {
		r := &run.Results[i]
		c := named[r.Script.Name()]
		if c == nil {
			c = &chapter{script: r.Script}
			named[r.Script.Name()] = c
			all = append(all, c)
		}
		c.results = append(c.results, r)
	}
	return all
}

// testName is what a test is called below the name of its script: "" for the only
// one that it has.
func testName(r *suite.Result) string {
	if r.Name == r.Script.Name() {
		return ""
	}
	return r.Name
}
