package report

import (
	"strings"

	"smtplay/engine/suite"
)

// A grid shows the tests of a matrix by their place in it, the last axis from
// left to right. A combination without a result has an empty place.
type (
	htmlGrid struct {
		Name    string // with its axes
		Axes    []string
		Columns []string
		Rows    []*htmlRow
	}
	htmlRow struct {
		Heads []string
		Tests []*htmlTest // nil where there is none
	}
)

// maxGrid bounds the places of a grid: a matrix has no more tests, but files of
// results that nobody's matrix wrote may be full of empty places.
const maxGrid = 10_000

// gridPlan is a grid while its tests are put into their places.
type gridPlan struct {
	*htmlGrid
	columns, rows map[string]int
	tests         []map[int]*htmlTest // of each row, by column
}

// htmlGrids are the grids of a script, each where its first test stands. Tests
// of one axis are a list already.
func htmlGrids(results []*suite.Result, tests []*htmlTest) []*htmlGrid {
	var plans []*gridPlan
	named := map[string]*gridPlan{}
	for i, r := range results {
		n := len(r.Cells) - 1
		if n < 1 {
			continue
		}
		var axes, heads, words []string
		for _, c := range r.Cells {
			axes, heads, words = append(axes, Visible(c.Axis)), append(heads, Visible(c.Value)), append(words, c.Axis+"="+c.Value)
		}
		name := Visible(strings.TrimSuffix(r.Name, strings.Join(words, " "))) + strings.Join(axes, " × ")
		p := named[name]
		if p == nil {
			p = &gridPlan{htmlGrid: &htmlGrid{Name: name, Axes: axes[:n]}, columns: map[string]int{}, rows: map[string]int{}}
			named[name] = p
			plans = append(plans, p)
		}
		p.put(tests[i], heads[:n], heads[n])
	}
	var all []*htmlGrid
	for _, p := range plans {
		if len(p.Rows)*len(p.Columns) <= maxGrid {
			all = append(all, p.grid())
		}
	}
	return all
}

// put gives a test its place. Of several results what went wrong is shown.
func (p *gridPlan) put(t *htmlTest, heads []string, column string) {
	key := strings.Join(heads, "\x00")
	row, ok := p.rows[key]
	if !ok {
		row = len(p.Rows)
		p.rows[key] = row
		p.Rows, p.tests = append(p.Rows, &htmlRow{Heads: heads}), append(p.tests, map[int]*htmlTest{})
	}
	at, ok := p.columns[column]
	if !ok {
		at = len(p.Columns)
		p.columns[column] = at
		p.Columns = append(p.Columns, column)
	}
	if had := p.tests[row][at]; had == nil || !had.Fault {
		p.tests[row][at] = t
	}
}

func (p *gridPlan) grid() *htmlGrid {
	for i, row := range p.Rows {
		row.Tests = make([]*htmlTest, len(p.Columns))
		for at, t := range p.tests[i] {
			row.Tests[at] = t
		}
	}
	return p.htmlGrid
}
