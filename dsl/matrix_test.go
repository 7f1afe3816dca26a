package dsl

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"smtplay/engine/suite"
)

func TestMatrix(t *testing.T) {
	b := newBench(t, polite(nil))
	results := b.try(t, `--- Logins
--- tags: auth
matrix{ server = { "smtp", "submission" }, n = { 1, true }, tags = "grid", function(m)
  expect 220
  note(m.server .. " " .. tostring(m.n))
  assert(m.server == "smtp")
end }
test("alone", function() expect 220 end)
matrix{ "more", n = { 1 }, once = true, function(m) expect 220 end }`)
	var got []string
	for _, r := range results {
		got = append(got, fmt.Sprintf("%s %v %v %v %v", r.Name, r.Outcome, r.Tags, r.Cells, r.Once))
	}
	want := []string{
		"server=smtp n=1 passed [auth grid] [{server smtp} {n 1}] false",
		"server=smtp n=true passed [auth grid] [{server smtp} {n true}] false",
		"server=submission n=1 failed [auth grid] [{server submission} {n 1}] false",
		"server=submission n=true failed [auth grid] [{server submission} {n true}] false",
		"alone passed [auth] [] false",
		"more: n=1 passed [auth] [{n 1}] true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if f := results[2].Failure; f.Pos.Line != 6 {
		t.Errorf("blames %v", f)
	}
	if notes := notesOf(results[3]); !slices.Equal(notes, []string{"submission true"}) {
		t.Errorf("the function got %q", notes)
	}
}

func TestMatrixFaults(t *testing.T) {
	for _, tt := range []struct{ script, want, why string }{
		{"matrix{ function() end }", "needs axes", "no axis"},
		{"matrix(function() end)", "needs axes", "nor a table"},
		{"matrix{ a = {} , function() end }", "the axis a is empty", "an empty axis"},
		{"matrix{ a = { 1 } }", "needs a body", "no function"},
		{"matrix{ a = { 1, '1' }, function() end }", `the axis a has "1" twice`, "two values of one name"},
		{"matrix{ a = 'x', function() end }", "the axis a is a list of values, not a string", "no list"},
		{"matrix{ a = { 1 }, tag = 'x', function() end }", "the axis tag is a list of values, not a string: did you mean the option tags?", "an option that is misspelt is no axis"},
		{"matrix{ a = { {} }, function() end }", "takes strings, numbers and booleans", "a value without a name"},
		{"matrix{ a = { x = 1 }, function() end }", "cannot hold a value at [x]", "a named value"},
		{"matrix{ ['a b'] = { 1 }, function() end }", "no name for an axis", "a name that no name of a test can hold"},
		{"matrix{ a = { 1 }, function() end, function() end }", "nothing after", "two functions"},
		{"matrix{ a = { 1 }, tags = 'a b?', function() end }", `"b?" is no tag`, "a tag that is none"},
		{"test('a=1', function() end)\nmatrix{ a = { 1 }, function() end }", `the name "a=1" is used twice: the other test is at t.lua:1`, "the name of another test"},
		{"local v = {} for i = 1, 101 do v[i] = i end\nmatrix{ a = v, b = v, function() end }", "more than 10000 combinations", "too many"},
		{"local v = {} for i = 1, 10001 do v[i] = i end\nmatrix{ a = v, function() end }", "more than 10000 values", "too many of one axis"},
		{"matrix{ a = setmetatable({ 1 }, {}), function() end }", "not one with a metatable", "values that are computed"},
	} {
		s, problems := Compile("t.lua", []byte(tt.script))
		var got string
		if s == nil {
			got = problems.Error()
		} else if _, err := s.Tests(context.Background(), newBench(t, nil).env); err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("got %q, want %q (%s)", got, tt.want, tt.why)
		}
	}
}

// A slip in the name of an axis is no nil.
func TestMatrixSlip(t *testing.T) {
	r := one(t, polite(nil), "matrix{ server = { 1 }, function(m) expect 220\nif m.sever then fail 'x' end end }")
	if r.Outcome != suite.Errored || !strings.Contains(r.Failure.What, `did you mean "server"?`) || r.Failure.Pos.Line != 2 {
		t.Errorf("%v %v", r.Outcome, r.Failure)
	}
}

func TestScriptTags(t *testing.T) {
	for _, tt := range []struct{ script, tags, description, problem, why string }{
		{"--- T\n--- tags: tls smoke\n--- text\nexpect 220", "[smoke tls]", "text", "", "a line of the description"},
		{"---tags: b, a\n--- T\n--- tags: a\nexpect 220", "[a b]", "", "", "it is no title; twice is once"},
		{"--- T\n--- the tags: x\nexpect 220", "[]", "the tags: x", "", "prose"},
		{"--- T\n--- tags: a b?\nexpect 220", "", "", `t.lua:2:5: "b?" is no tag`, "no tag"},
		{"--- T\n--- tags:\nexpect 220", "", "", "t.lua:2:5: there is no tag", "none"},
		{"test('x', function() end, { tags = 'b?' })", "", "", `"b?" is no tag`, "of a test, before it runs"},
		{"test{ 'x', tags = { 'b', 'a' }, function() end }", "[a b]", "", "", "of a test, as a list"},
		{"--- T\n--- tags: c\ntest{ 'x', tags = 'a', function() end }", "[a c]", "", "", "both"},
	} {
		s, problems := Compile("t.lua", []byte(tt.script))
		if s == nil {
			if tt.problem == "" || !strings.Contains(problems.Error(), tt.problem) {
				t.Errorf("%v, want %q (%s)", problems, tt.problem, tt.why)
			}
			continue
		}
		tests, err := s.Tests(context.Background(), newBench(t, nil).env)
		if err != nil || tt.problem != "" {
			t.Errorf("%v, want %q (%s)", err, tt.problem, tt.why)
			continue
		}
		if got := fmt.Sprint(tests[0].Tags); got != tt.tags || s.Description() != tt.description {
			t.Errorf("tags %s, description %q, want %s, %q (%s)", got, s.Description(), tt.tags, tt.description, tt.why)
		}
	}
}

// A file may come by its tests in another order when they are run than when they
// were listed, as from the DNS. Each is none the less run under its own name.
func TestTestsInAnotherOrder(t *testing.T) {
	const each = "for word in var('words'):gmatch '%a+' do test(word, function() expect(word == 'good' and 220 or 554) end) end"
	const grid = "local all = {}; for word in var('words'):gmatch '%a+' do all[#all + 1] = word end\nmatrix{ word = all, function(m) expect(m.word == 'good' and 220 or 554) end }"
	const grids = "for word in var('words'):gmatch '%a+' do local n = {}; for i = 1, #word do n[i] = i end\nmatrix{ word, n = n, function(m) expect(word == 'ok' and 220 or 554) end } end"
	for _, row := range []struct{ script, before, after, want, why string }{
		{each, "good bad", "good bad", "passed failed", "the same order"},
		{each, "good bad", "bad good", "passed failed", "another: by its place, each would get the other's verdict"},
		{each, "good good", "good", "", "twice the same name"},
		{each, "good bad", "good other", "passed error", "another test is no stand-in for one that is gone"},
		{each, "bad good", "good", "error passed", "nor is there one"},
		{grid, "good bad", "bad good", "passed failed", "of a matrix too"},
		{grid, "good bad", "good other", "passed error", "of which one is gone"},
		{grids, "ok bad", "bad ok", "passed passed failed failed failed", "whole matrices: none of their tests has its place in its own"},
		{grids, "bad ok", "ok bad", "failed failed failed passed passed", "and the larger one first"},
		{grids, "ok bad", "so ok", "passed passed error error error", "one of which is gone"},
	} {
		s, problems := Compile("t.lua", []byte(row.script))
		if s == nil {
			t.Fatal(problems)
		}
		b := newBench(t, polite(nil))
		b.env.Vars = map[string]string{"words": row.before}
		runner := &suite.Runner{}
		tests, err := runner.Plan(context.Background(), b.env, []suite.Script{s})
		if row.want == "" {
			if err == nil || !strings.Contains(err.Error(), "used twice") {
				t.Errorf("%v (%s)", err, row.why)
			}
			continue
		}
		b.env.Vars = map[string]string{"words": row.after}
		var got []string
		runner.Run(context.Background(), b.env, tests, func(r suite.Result) {
			got = append(got, r.Outcome.String())
			if r.Outcome == suite.Errored && !strings.Contains(r.Failure.What, "does not declare this test any more") {
				t.Errorf("%s (%s)", r.Failure.What, row.why)
			}
		})
		if strings.Join(got, " ") != row.want {
			t.Errorf("%v, want %s (%s)", got, row.want, row.why)
		}
	}
}
