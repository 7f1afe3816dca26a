package report

import (
	"slices"
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

// htmlGrids are the grids of a script, each where its first test stands. Tests
// of one axis are a list already.
func htmlGrids(results []*suite.Result, tests []*htmlTest) []*htmlGrid {
	var all []*htmlGrid
	grids, rows := map[string]*htmlGrid{}, map[string]*htmlRow{}
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
		g := grids[name]
		if g == nil {
			g = &htmlGrid{Name: name, Axes: axes[:n]}
			grids[name] = g
			all = append(all, g)
		}
		key := name + "\x00" + strings.Join(heads[:n], "\x00")
		row := rows[key]
		if row == nil {
			row = &htmlRow{Heads: heads[:n]}
			rows[key] = row
			g.Rows = append(g.Rows, row)
		}
		column := slices.Index(g.Columns, heads[n])
		if column < 0 {
			column = len(g.Columns)
			g.Columns = append(g.Columns, heads[n])
		}
		for len(row.Tests) <= column {
			row.Tests = append(row.Tests, nil)
		}
		if had := row.Tests[column]; had == nil || !had.Fault {
			row.Tests[column] = tests[i] // of several results what went wrong is shown
		}
	}
	for _, g := range all {
		for _, row := range g.Rows {
			row.Tests = append(row.Tests, make([]*htmlTest, len(g.Columns)-len(row.Tests))...)
		}
	}
	return all
}
