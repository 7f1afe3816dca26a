package dsl

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestParseSource(t *testing.T) {
	const script = "#!/usr/bin/env smtplay\n--- Relaying is refused  \n--- A recipient we do not host gets\n---\n---  554.\n\nexpect 5xx\n"
	for _, row := range []struct{ text, title, description, why string }{
		{script, "Relaying is refused", "A recipient we do not host gets\n\n 554.", "after a #! line; one blank is dropped, no more"},
		{"\xef\xbb\xbf" + script, "Relaying is refused", "A recipient we do not host gets\n\n 554.", "behind a byte order mark"},
		{strings.ReplaceAll(script, "\n", "\r\n"), "Relaying is refused", "A recipient we do not host gets\n\n 554.", "CRLF"},
		{"\n\n---Title", "Title", "", "without the blank; after empty lines; at the end of the file"},
		{"---\n--- Title\n---\n--- Text\n---\n", "Title", "Text", "empty lines around"},
		{"---@meta\n--- Title\n---@param x string\n--- Text", "Title", "Text", "notes for a language server are left out"},
		{"-- Title\n--- Text", "", "", "a common comment comes first"},
		{"x = 1\n--- Text", "", "", "not leading"},
		{"----------\n--- Text", "", "", "a ruler is a common comment"},
		{"--- Title\n----------\n--- Text", "Title", "", "a ruler ends it"},
		{"", "", "", "an empty file is a script that does nothing"},
		{"#![[x\nexpect 250", "", "", "no long comment comes of the #! line"},
		{"#!", "", "", "nothing else"},
	} {
		s, problems := parseSource("t.lua", []byte(row.text))
		if problems != nil {
			t.Errorf("%s: %v", row.why, problems)
			continue
		}
		if s.title != row.title || s.description != row.description {
			t.Errorf("%s: %q and %q, want %q and %q", row.why, s.title, s.description, row.title, row.description)
		}
		if want := strings.TrimPrefix(row.text, "\xef\xbb\xbf"); s.text != want {
			t.Errorf("%s: the text is %q", row.why, s.text)
		}
	}
}

func TestFind(t *testing.T) {
	s, problems := parseSource("t.lua", []byte("#!/bin/x expect\nsend \"x\"; expect 4xx; expect 250; f(\"4xx\")\nlocal expect = [[\nexpect]] a.expect(0x10)"))
	if problems != nil {
		t.Fatal(problems)
	}
	for _, row := range []struct {
		line, want int
		word, why  string
	}{
		{1, 0, "expect", "not in a comment"},
		{2, 1, "send", "a name"},
		{2, 6, "x", "a string by its value"},
		{2, 11, "expect", "the first of two, in the columns of the user"},
		{2, 18, "4xx", "a pattern, before the string"},
		{2, 30, "250", "a number"},
		{3, 16, "\nexpect", "no string has this value"},
		{3, 7, "expect", "a local"},
		{4, 0, "[[", "no token begins here"},
		{4, 12, "expect", "not within the string, which began on line 3"},
		{4, 19, "0x10", "a number as it is written"},
		{4, 0, "16", "and no other way"},
		{9, 0, "x", "no such line"},
	} {
		if row.word == "\nexpect" {
			row.word = "expect" // a long string drops its first line end
			row.want = 7
		}
		if got := s.find(row.line, row.word); got != row.want {
			t.Errorf("%s: %q on line %d at %d, want %d", row.why, row.word, row.line, got, row.want)
		}
	}
	if got := s.sourceLine(1); got != "#!/bin/x expect" {
		t.Errorf("line 1 is %q", got)
	}
	if got := s.sourceLine(0) + s.sourceLine(5); got != "" {
		t.Errorf("lines that are not there are %q", got)
	}
}

func TestCompile(t *testing.T) {
	for _, row := range []struct{ src, want, why string }{
		{"expect 250\nbreak\n", "t.lua:2:1: no loop to break", "the word is known"},
		{"f()\nif x then goto nope end\n", "t.lua:2:11: no visible label 'nope' for <goto> at line 2", "the compiler says the last line"},
		{"do\n::l::\nf()\n::l::\nend", "t.lua:4:3: label 'l' already defined on line 2", "the compiler says one more"},
		{"goto a\nlocal x\n::a::\nf()", "t.lua:1:1: <goto a> at line 1 jumps into the scope of local 'x'", "at the goto"},
		{"f()\nx = function() return ... end", "t.lua:2:23: cannot use '...' outside a vararg function", "the dots"},
		{strings.Repeat("local a\n", 300), "t.lua: too many local variables", "line 0: of the file"},
	} {
		s, problems := parseSource("t.lua", []byte(row.src))
		if problems != nil {
			t.Errorf("%s: %v", row.why, problems)
			continue
		}
		if _, problems = s.compile(); len(problems) != 1 || problems[0].String() != row.want {
			t.Errorf("%s: %v, want %s", row.why, problems, row.want)
		}
	}
	s, problems := parseSource("t.lua", []byte("function t:m() for i = 1, 2 do expect 250 end end"))
	if problems != nil {
		t.Fatal(problems)
	}
	first, _ := s.compile()
	second, _ := s.compile()
	if dumpProto(first) != dumpProto(second) {
		t.Error("compiled twice, it is not the same")
	}
}

func TestLimits(t *testing.T) {
	times := strings.Repeat
	numbered := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for _, row := range []struct{ src, want, why string }{
		{times(" ", maxSource+1), "t.lua: the file has 1048577 bytes, more than the 1048576 (1 MiB) that a script may have", "size"},
		{times(" ", maxSource), "", "just the size"},
		{"x = " + times("not ", 2e4) + "1", "t.lua:1:4005: nested too deeply", "operators before"},
		{"x = " + times("{", 1e5), "t.lua:1:1005: nested too deeply", "brackets"},
		{"x = 1" + times(" ..1", 2e4), "t.lua:1:4007: nested too deeply", "operators between, from the right"},
		{"x = 1" + times("+1", 2e4), "t.lua:1:2006: nested too deeply", "operators between, from the left"},
		{"f" + times("()", 2e4), "t.lua:1:2000: nested too deeply", "calls of what a call returns"},
		{"f" + times(" 's'", 2e4), "nested too deeply", "and with strings"},
		{"x = f" + times(" 4xx ..f", 1e4) + " 4xx", "nested too deeply", "with literals, in the user's columns"},
		{times("function f() ", 1e4), "nested too deeply", "functions"},
		{times("do ", 2e4), "nested too deeply", "blocks"},
		{"if x then " + times("elseif x then ", 1e4) + "end", "nested too deeply", "each elseif is an if within the last"},
		{numbered("a%x() ", 4e4), "t.lua: too long: 40000 names", "the compiler looks up names one by one"},
		{"x = {" + numbered("%d,", 4e4) + "}", "t.lua: too long: 40001 names", "and numbers"},

		{times("function M.f() return 1 + 2 end ", 3e3), "", "one after the other is not deep"},
		{"x = {" + times("{a.b.c, -1 .. 'x', f 250},", 5e3) + "}", "", "nor are the elements of a table"},
		{times("send 'x' expect 250 ", 5e3), "", "nor are statements"},
		{times("if a then b() elseif c then d() else e() end ", 3e3), "", "nor are ifs"},
		{times("while a do b() end for i = 1, 2 do b() end repeat local x until x ", 2e3), "", "nor are loops"},
		{"x = {" + numbered("'user%d@example.com',", 2e3) + "}", "", "a long list of addresses"},
		{"x = " + times("f(", 150) + times(")", 150), "", "deep, but bearable"},
		{"x = 1" + times(" + y", 990), "", "long, but bearable"},
	} {
		s, problems := parseSource("t.lua", []byte(row.src))
		got := problems.Error()
		if row.want == "" && problems == nil {
			if _, problems = s.compile(); problems != nil {
				t.Errorf("%s: %v", row.why, problems)
			}
		} else if row.want == "" || !strings.Contains(got, row.want) {
			t.Errorf("%s: %.100s, want %q", row.why, got, row.want)
		}
	}
}

// FuzzParseSource says that no text brings the parser down, and that a problem
// has its place in the file.
func FuzzParseSource(f *testing.F) {
	for _, row := range syntaxRows {
		f.Add([]byte(row.src))
	}
	for _, row := range literalRows {
		f.Add([]byte(row.src))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 4096 {
			return
		}
		s, problems := parseSource("t.lua", text)
		if problems == nil {
			walk(s.chunk)
			_, problems = s.compile()
		}
		lines := splitLines(string(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
		for _, p := range problems {
			if strings.Contains(p.Msg, "cannot be") {
				t.Errorf("%q: %s", text, p.Msg)
			}
			if p.Pos.Line == 0 && p.Column == 0 && p.Source == "" {
				continue
			}
			if p.Pos.Line < 1 || p.Pos.Line > len(lines) || p.Source != lines[p.Pos.Line-1] || p.Column < 0 || p.Column > len(p.Source)+1 {
				t.Errorf("%q: %+v is nowhere", text, p)
			}
		}
	})
}

// A line of the opening comment says where the script stands in a document.
func TestScriptChapter(t *testing.T) {
	for _, tt := range []struct{ block, chapter, description, problem, why string }{
		{"--- T\n--- chapter: 2.1 Logging in\n--- text", "2.1 Logging in", "text", "", "a chapter is no prose"},
		{"--- chapter: 3 Certificates\n--- T", "3 Certificates", "", "", "nor a title of the script"},
		{"--- T\n--- chapter: and verse", "", "chapter: and verse", "", "without a number it is prose"},
		{"--- T\n--- in chapter: 2 A", "", "in chapter: 2 A", "", "and so it is within a line"},
		{"--- T", "", "", "", "there need be none"},
		{"--- T\n--- chapter: 2.1", "", "", "t.lua:2:5: a chapter has a number and a title", "without a title"},
		{"--- T\n--- chapter: 1 A\n--- chapter: 2 B", "", "", "t.lua:3:5: a script stands in one chapter", "two of them"},
	} {
		s, problems := Compile("t.lua", []byte(tt.block+"\nexpect 220"))
		if s == nil {
			if tt.problem == "" || !strings.Contains(problems.Error(), tt.problem) {
				t.Errorf("%v, want %q (%s)", problems, tt.problem, tt.why)
			}
			continue
		}
		if s.Title() != "T" || s.Chapter() != tt.chapter || s.Description() != tt.description || tt.problem != "" {
			t.Errorf("%q %q %q (%s)", s.Title(), s.Chapter(), s.Description(), tt.why)
		}
	}
}
