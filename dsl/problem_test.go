package dsl

import (
	"errors"
	"slices"
	"testing"

	"smtplay/engine/transcript"
)

// syntaxRows seed a fuzzer too. An at of "" stands for a source without faults.
var syntaxRows = []struct{ src, at, msg, hint, why string }{
	{"expect 250; expect 4xx; x = = 5", "1:29", "unexpected '='", "to compare, write ==", "the column is the user's, behind two literals"},
	{"--[[\r\n]]\r\nexpect 4xx; )", "3:13", "this ')' closes nothing", "", "line and column behind a long comment and CRLF"},
	{"expect 4xxy", "1:8", "malformed number '4xxy'", "a reply pattern has three places, the first 2 to 5, the others digits or x: 4xx, 25x", "runs on"},
	{"expect 4x", "1:8", "malformed number '4x'", "a reply pattern has three places, the first 2 to 5, the others digits or x: 4xx, 25x", "two places"},
	{"expect 4XX", "1:8", "malformed number '4XX'", "a reply pattern has three places, the first 2 to 5, the others digits or x: 4xx, 25x", "the large X"},
	{"expect{4xx, 250}", "1:8", "malformed number '4xx'", "here a reply pattern needs quotes: \"4xx\"", "a pattern in a table"},
	{"local want = 4xx", "1:14", "malformed number '4xx'", "here a reply pattern needs quotes: \"4xx\"", "a pattern behind ="},
	{"expect 250 251", "1:12", "unexpected '251' after 'expect 250'", "any of several is expect{250, 251}", "two codes"},
	{"expect 250, 251", "1:11", "unexpected ','", "any of several is expect{250, 251}", "two codes and a comma"},
	{"expect 4xx 5xx", "1:12", "unexpected '5xx' after 'expect 4xx'", "any of several is expect{\"4xx\", \"5xx\"}", "two patterns"},
	{"expect 250 \"x\"", "1:12", "unexpected \"x\" after 'expect 250'", "write expect(250) with parentheses, or end the statement with ;", "a string after a code"},
	{"expect 554 .code", "1:12", "unexpected '.' after 'expect 554'", "write expect(554) with parentheses, or end the statement with ;", "a field of the reply"},
	{"expect 4xx:x()", "1:11", "unexpected ':' after 'expect 4xx'", "write expect(\"4xx\") with parentheses, or end the statement with ;", "a method of the reply"},
	{"expect 250\n(x or y)()", "2:1", "unexpected '(' after 'expect 250'", "write expect(250) with parentheses, or end the statement with ;", "a statement that begins with ("},
	{"expect -1", "1:8", "unexpected '-'", "a negative number needs parentheses: expect(-1)", "minus"},
	{"expect 5.7.1", "1:8", "malformed number '5.7.1'", "an enhanced status is a string: \"5.7.1\"", "an enhanced status"},
	{"local a 5", "1:9", "unexpected '5'", "", "no call in a declaration"},
	{"for a, b 5 do end", "1:10", "unexpected '5'", "", "the literal's own parenthesis is not spoken of"},
	{"x = y\n5", "2:1", "unexpected '5'", "", "a number on the next line is none of ours"},
	{"sleep 2s", "1:7", "malformed number '2s'", "a duration is a string: \"2s\"", "a duration"},
	{"x = { within = 1m30s }", "1:16", "malformed number '1m30s'", "a duration is a string: \"1m30s\"", "a duration in a table"},
	{"x = 5s\nsend \"a\"", "1:5", "malformed number '5s'", "a duration is a string: \"5s\"", "where the parser stops a line later"},
	{"x=2y=3", "1:3", "malformed number '2y'", "", "gopher-lua takes it, Lua 5.1 does not"},
	{"x = 250..y", "1:5", "malformed number '250..y'", "put a blank before ..", "the scanner reads 250. there"},
	{"x = 5e", "1:5", "malformed number '5e'", "", "no exponent, at the end"},
	{"x = 0x", "1:5", "malformed number '0x'", "", "no digits"},
	{"ehlo\nexpect 250", "1:1", "'ehlo' alone is no statement", "to call it, write ehlo()", "the parser stops a line later"},
	{"send ehlo client.example.org\nexpect 250", "1:1", "'send' alone is no statement", "text stands in quotes: send \"…\"", "no quotes"},
	{"c:send ehlo", "1:1", "'c:send' alone is no statement", "text stands in quotes: c:send \"…\"", "no quotes, of a method"},
	{"quit\nsend 'x'", "1:1", "'quit' alone is no statement", "to call it, write quit()", "what stands on the next line is no text of it"},
	{"expect220\nehlo()", "1:1", "'expect220' alone is no statement", "put a blank between: expect 220", "no blank"},
	{"rcpt james@example.com", "1:11", "unexpected '@'", "an address stands in quotes: \"james@example.org\"", "an address without quotes"},
	{"rcpt \"x@example.com\", { expect = 554 }", "1:21", "unexpected ','", "several values stand in parentheses: rcpt(\"x@example.com\", …)", "options without parentheses"},
	{"c:rcpt \"x@example.com\", { expect = 554 }", "1:23", "unexpected ','", "several values stand in parentheses: c:rcpt(\"x@example.com\", …)", "options without parentheses, of a method"},
	{"send(rcpt \"x\", y z)", "1:18", "unexpected 'z'", "a comma before it, or the ')' to the '(' of line 1, may be missing", "a comma within parentheses is no fault"},
	{"quit", "1:1", "'quit' alone is no statement", "to call it, write quit()", "at the end of the file"},
	{"a.b.quit\nsend 'x'", "1:1", "'a.b.quit' alone is no statement", "to call it, write a.b.quit()", "a field"},
	{"c:quit\nx = 1", "1:1", "'c:quit' alone is no statement", "to call it, write c:quit()", "a method"},
	{"f().x\ng()", "1:5", "the expression that ends here is no statement", "", "no name to tell"},
	{"x == 5", "1:3", "unexpected '=='", "to assign, write =", "a comparison for a statement"},
	{"if x = 5 then end", "1:6", "unexpected '='", "to compare, write ==", "an assignment for a condition"},
	{"x += 1", "1:3", "unexpected '+'", "write out what is assigned: x = x + …", "from other languages"},
	{"if x do y() end", "1:6", "unexpected 'do'", "the condition of an if ends with then", "do for then"},
	{"while x then y() end", "1:9", "unexpected 'then'", "the head of a loop ends with do", "then for do"},
	{"return 5\nx()", "2:1", "unexpected 'x'", "", "nothing follows a return"},
	{"f(function()\n  send 'x'\n\n", "2:8", "unexpected end of file: the 'function' of line 1 is not closed by 'end'", "", "no end"},
	{"f(function()\n  if x then\n    y()\nend)\n", "4:4", "unexpected ')': the 'function' of line 1 is not closed by 'end'", "to go by the indentation, it is the 'if' of line 2 that lacks its end", "the end of a block within is missing"},
	{"for i = 1, 2 do\n  while x do\n    y()\nend\n", "4:1", "unexpected end of file: the 'for' of line 1 is not closed by 'end'", "to go by the indentation, it is the 'while' of line 2 that lacks its end", "loops have their do"},
	{"if a then b() else if c then d() end", "1:34", "unexpected end of file: the 'if' of line 1 is not closed by 'end'", "", "one if of two is closed, nobody knows which"},
	{"if a then b()\nelse if c then d()\n", "2:18", "unexpected end of file: the 'if' of line 2 is not closed by 'end'", "else if opens a second if, with an end of its own: write elseif", "else if"},
	{"f(function()\n  g()\nend\n", "3:1", "unexpected end of file: the '(' of line 1 is not closed by ')'", "", "no )"},
	{"x()\nend", "2:1", "this 'end' closes nothing", "", "one too many"},
	{"repeat x() end", "1:12", "unexpected 'end': the 'repeat' of line 1 is not closed by 'until'", "", "the wrong one"},
	{"send('x'\nexpect 250\n", "2:1", "unexpected 'expect'", "a comma before it, or the ')' to the '(' of line 1, may be missing", "a statement within a bracket"},
	{"t = {\n  a = 1\n  b = 2 }", "3:3", "unexpected 'b'", "a comma before it, or the '}' to the '{' of line 1, may be missing", "no comma"},
	{"send \"abc\nexpect 250", "1:6", "the string that begins here does not end on its line", "its closing \" is missing; a text of several lines is written [[ … ]]", "the scanner is on the next line by then"},
	{"expect 220\nsend \"abc\nexpect 250", "2:6", "the string that begins here does not end on its line", "its closing \" is missing; a text of several lines is written [[ … ]]", "the literal before it is not blamed"},
	{"x = [[abc\nd", "1:5", "the long string that begins here does not end", "", "the scanner is at the end of the file by then"},
	{"\n--[==[ abc\nd ]]", "2:1", "the long comment that begins here does not end", "", "a comment"},
	{"if x != 5 then end", "1:6", "unexpected '!='", "not equal is ~=", "from other languages"},
	{"if !x then end", "1:4", "unexpected '!'", "write not", "from other languages"},
	{"x = a && b", "1:7", "unexpected '&&'", "write and", "from other languages"},
	{"x = a || b", "1:7", "unexpected '||'", "write or", "from other languages"},
	{"# comment", "1:1", "unexpected '#'", "a comment begins with --", "from other languages"},
	{"// comment", "1:1", "unexpected '/'", "a comment begins with --", "from other languages"},
	{"send “x”", "1:6", "unexpected '“'", "a string needs plain quotes: \"", "from a word processor"},
	{"send\u00a0\"x\"", "1:5", "unexpected '\u00a0'", "this is a no-break space: write a plain one", "from a web page"},
	{"x = $5", "1:5", "unexpected character '$'", "", "no sign of Lua's"},
	{"x = \x01", "1:5", "unexpected character '\\x01'", "", "no terminal gets to see it raw"},
	{"x = 1\n\xff", "2:1", "unexpected character '�'", "", "no UTF-8"},
}

func TestSyntaxProblems(t *testing.T) {
	for _, row := range syntaxRows {
		_, problems := parseSource("t.lua", []byte(row.src))
		if row.at == "" {
			if problems != nil {
				t.Errorf("%s: %q: %v", row.why, row.src, problems)
			}
			continue
		}
		if len(problems) != 1 {
			t.Errorf("%s: %q has %d problems", row.why, row.src, len(problems))
			continue
		}
		if got, want := problems[0].String(), "t.lua:"+row.at+": "+row.msg; got != want || problems[0].Hint != row.hint {
			t.Errorf("%s: %q:\n got %s | %s\nwant %s | %s", row.why, row.src, got, problems[0].Hint, want, row.hint)
		}
	}
}

func problemAt(file string, line, column int, msg string) Problem {
	return Problem{Pos: transcript.Pos{File: file, Line: line}, Column: column, Msg: msg}
}

func TestProblemString(t *testing.T) {
	for _, row := range []struct {
		p    Problem
		want string
	}{
		{problemAt("t.lua", 3, 7, "m"), "t.lua:3:7: m"},
		{problemAt("t.lua", 3, 0, "m"), "t.lua:3: m"},
		{problemAt("t.lua", 0, 0, "m"), "t.lua: m"},
		{problemAt("", 0, 0, "m"), "m"},
	} {
		if got := row.p.String(); got != row.want {
			t.Errorf("%+v is %q, want %q", row.p, got, row.want)
		}
	}
	two := Problems{problemAt("t.lua", 1, 2, "a"), problemAt("t.lua", 3, 4, "b")}
	if got, want := two.Error(), "t.lua:1:2: a\nt.lua:3:4: b"; got != want {
		t.Errorf("two are %q, want %q", got, want)
	}
}

func TestProblemsSort(t *testing.T) {
	ps := Problems{
		problemAt("b.lua", 1, 1, "last"), problemAt("a.lua", 10, 1, "fourth"), problemAt("a.lua", 2, 9, "third"),
		problemAt("a.lua", 2, 3, "first"), problemAt("a.lua", 2, 3, "second"), problemAt("a.lua", 2, 3, "first"),
	}
	ps.Sort()
	var got []string
	for _, p := range ps {
		got = append(got, p.Msg)
	}
	if want := []string{"first", "second", "third", "fourth", "last"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	var none Problems
	none.Sort()
	if none != nil {
		t.Error("of none it makes some")
	}
}

func TestProblemsErr(t *testing.T) {
	warning := Problem{Msg: "m", Warning: true}
	for _, row := range []struct {
		ps   Problems
		want bool
		why  string
	}{
		{nil, false, "none"},
		{Problems{warning}, false, "a warning"},
		{Problems{warning, {Msg: "m"}}, true, "one that is not"},
	} {
		err := row.ps.Err()
		var ps Problems
		if (err != nil) != row.want || errors.As(err, &ps) != row.want {
			t.Errorf("%s: %v", row.why, err)
		}
	}
}

func TestNearest(t *testing.T) {
	verbs := []string{"expect", "expect_close", "send", "ehlo", "helo", "lhlo", "mail", "rcpt", "quit", "tls", "to", "from", "starttls", "handshake", "rset", "expect_certificate", "expect_capability"}
	for _, row := range []struct{ name, want, why string }{
		{"expct", "expect", "a letter left out"},
		{"exepct", "expect", "two letters swapped"},
		{"exspect", "expect", "a letter too many"},
		{"expect_certifcate", "expect_certificate", "long"},
		{"expect_cretifcate", "expect_certificate", "two slips in a long one"},
		{"Expect", "expect", "another case"},
		{"EHLO", "ehlo", "another case throughout"},
		{"sned", "send", "short"},
		{"hello", "helo", "of two at one distance the nearer"},
		{"xhlo", "ehlo", "of two that are as near the first in the alphabet"},
		{"tsl", "tls", "three letters"},
		{"ot", "", "two letters are any two"},
		{"x", "", "one letter is anything"},
		{"", "", "nothing"},
		{"recipient", "", "another word"},
		{"data", "", "another short word"},
		{"user", "", "two slips in a short one"},
		{"send", "", "the name itself is no suggestion"},
	} {
		if got := nearest(row.name, verbs); got != row.want {
			t.Errorf("%s: nearest to %q is %q, want %q", row.why, row.name, got, row.want)
		}
	}
}
