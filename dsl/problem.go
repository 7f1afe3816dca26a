package dsl

import (
	"fmt"
	"slices"
	"strings"

	"smtplay/engine/transcript"
)

// Problem is one thing that is wrong with a script, found before it runs.
type Problem struct {
	Pos     transcript.Pos // of the user's file; Line is 0 where the whole file is meant
	Column  int            // in bytes, from 1; 0 where only the line is known
	Source  string         // that line, as the user wrote it
	Msg     string         // lower case, no full stop
	Hint    string         // what to do about it, where that is known
	Warning bool           // the script can run all the same
}

// String is "file:line:column: message", as compilers and editors have it.
func (p Problem) String() string {
	at := p.Pos.String()
	if p.Pos.Line > 0 && p.Column > 0 {
		at = fmt.Sprintf("%s:%d", at, p.Column)
	}
	if at == "" {
		return p.Msg
	}
	return at + ": " + p.Msg
}

// Problems are what is wrong with one script or with several.
type Problems []Problem

// Error has a line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Sort puts the problems in the order of file, line and column, those of one
// place in the order in which they were found, and drops the repeated ones.
func (ps *Problems) Sort() {
	slices.SortStableFunc(*ps, func(a, b Problem) int {
		if c := strings.Compare(a.Pos.File, b.Pos.File); c != 0 {
			return c
		}
		if a.Pos.Line != b.Pos.Line {
			return a.Pos.Line - b.Pos.Line
		}
		return a.Column - b.Column
	})
	seen := map[Problem]bool{}
	*ps = slices.DeleteFunc(*ps, func(p Problem) bool {
		// The source line follows from the place, and a hint from the message.
		p.Source, p.Hint = "", ""
		was := seen[p]
		seen[p] = true
		return was
	})
}

// Err is ps when one of them keeps the script from running, else nil. It is
// the way to hand Problems on as an error: an empty Problems in an error
// variable is not nil.
func (ps Problems) Err() error {
	if slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning }) {
		return ps
	}
	return nil
}

// nearest is the name in among that name was probably meant to be, or "". Of
// two that are as near it is the one that comes first in the alphabet, so that
// a message does not depend on the order of a map.
func nearest(name string, among []string) string {
	// Slips: of two letters none but their case, of a short name one, of a
	// usual one two, of a long one three. With more, the suggestion would
	// surprise more than it helps.
	most := 0
	if len(name) > 2 {
		most = 1 + min((len(name)-1)/4, 2)
	}
	best := ""
	for _, candidate := range among {
		if candidate == name {
			continue
		}
		d := distance(strings.ToLower(name), strings.ToLower(candidate), most)
		if d < most || d == most && (best == "" || candidate < best) {
			best, most = candidate, d
		}
	}
	return best
}

// distance counts the letters to insert, drop, change or swap with their
// neighbour to make b of a; it is any number above most when there are more.
func distance(a, b string, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
