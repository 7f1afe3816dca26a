package lua51

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestPatterns(t *testing.T) {
	checkRows(t, []row{
		{`return ("hello"):find("l")`, "3 3", "a plain byte", false},
		{`return ("hello"):find("xyz")`, "nil", "no match", false},
		{`return ("a.b"):find(".", 1, true)`, "2 2", "plain: no pattern", false},
		{`return ("a.b"):find("%.")`, "2 2", "escaped punctuation", false},
		{`return ("hello"):find("")`, "1 0", "the empty pattern matches at once", false},
		{`return ("hello"):find("", 10)`, "6 5", "init behind the end is the end, in 5.1", false},
		{`return ("hello"):find("l", -2)`, "4 4", "init counts from the end", false},
		{`return ("hello"):find("h", -100)`, "1 1", "init before the start is the start", false},
		{`return ("hello"):find("(l)(l)")`, "3 4 l l", "captures follow the places", false},
		{`return ("hello"):match("()ll()")`, "3 5", "position captures", false},
		{`return ("hello"):match("((h)(e))")`, "he h e", "captures nest, counted by their (", false},
		{`return ("hello"):match("^ell")`, "nil", "anchored at the start", false},
		{`return ("hello"):match("^ell", 2)`, "ell", "the anchor is at init", false},
		{`return ("hello"):match("lo$")`, "lo", "anchored at the end", false},
		{`return ("a$b"):match("a$b")`, "a$b", "$ is plain unless last", false},
		{`return ("a^b"):match("a^b")`, "a^b", "^ is plain unless first", false},
		{`return ("aaa"):match("a-"), ("aaab"):match("a-b")`, " aaab", "lazy", false},
		{`return ("aaab"):match("a*ab")`, "aaab", "greedy gives back", false},
		{`return ("b"):match("a+"), ("b"):match("a*"), ("b"):match("a?b")`, "nil  b", "least counts", false},
		{`return ("THE (quick) fox"):find("%((%a+)%)")`, "5 11 quick", "escaped parentheses", false},
		{`return ("THE (quick) fox"):gsub("%f[%a]%a+", "X")`, "X (X) X 3", "frontier", false},
		{`return ("foo"):find("%f[%z]")`, "4 3", "the frontier at the end is to NUL", false},
		{`return ("[[x]]"):match("%b[]")`, "[[x]]", "balanced, nested", false},
		{`return ("((x)"):match("%b()")`, "(x)", "balanced finds the inner one", false},
		{`return ("xax"):match("%bxx")`, "xax", "balanced with one delimiter: the second closes", false},
		{`return ([["a'b"]]):match([[(["'])(.-)%1]])`, `" a'b`, "back-reference", false},
		{`return ("x=1, y=2"):gsub("(%w+)=(%w+)", "%2=%1")`, "1=x, 2=y 2", "captures in a replacement", false},
		{`return ("abc"):gsub("%w", "%0%0")`, "aabbcc 3", "%0 is the match", false},
		{`return ("abc"):gsub("%w", "%1")`, "abc 3", "%1 without captures is the match", false},
		{`return ("abc"):gsub("", "-")`, "-a-b-c- 4", "empty matches step on", false},
		{`return ("hello world"):gsub("o*", "x")`, "xhxexlxlxx xwxxrxlxdx 12", "empty match behind a full one, as 5.1", false},
		{`return ("abc"):gsub("%w", "x", 2)`, "xxc 2", "at most n", false},
		{`return ("abc"):gsub("%w", "x", 0)`, "abc 0", "n may be 0", false},
		{`return ("aaa"):gsub("^a", "b")`, "baa 1", "an anchored gsub matches once", false},
		{`return ("$name $x"):gsub("%$(%w+)", {name = "lua"})`, "lua $x 2", "a table; nil keeps the match", false},
		{`return ("ab"):gsub(".", function(c) if c == "a" then return false end return 1 end)`, "a1 2", "a function; false keeps", false},
		{`return ("abc"):gsub("b()", function(p) return p end)`, "a3c 1", "a function gets positions", false},
		{`return ("ab"):gsub("a", 12)`, "12b 1", "a number is a string", false},
		{`return ("a%b"):gsub("%%", "%%%%")`, "a%%b 1", "%% in both", false},
		{`return ("x"):gsub("x", "%y")`, "y 1", "a replacement's % before another byte is dropped", false},
		{`local t = {} for k, v in ("a=1, b=2"):gmatch("(%w)=(%w)") do t[#t+1] = k .. v end return t[1], t[2], #t`, "a1 b2 2", "gmatch", false},
		{`local n = 0 for w in ("abc"):gmatch("") do n = n + 1 end return n`, "4", "gmatch of nothing ends", false},
		{`local t = {} for w in ("^a^a"):gmatch("^a") do t[#t+1] = w end return #t`, "2", "^ is no anchor in gmatch", false},
		{`return ("a\0b"):find("\0"), ("a\0b"):find("%z"), #("a\0b"):match(".*")`, "2 2 3", "NUL is a byte", false},
		{`return ("a]b"):find("[]]"), ("a-b"):find("[a-]", 2), ("a^b"):find("[b^]")`, "2 2 2 2", "] first, - last, ^ not first", false},
		{`return ("x"):find("[^%s%d]"), ("5"):find("[^%s%d]")`, "1 nil", "classes in a negated set", false},
		{`return ("\225"):find("%a"), ("\225"):find("[\224-\226]")`, "nil 1 1", "bytes above 127 are no letters", false},
		{`return ("ab12 \t"):match("^%l+%d+%s+$")`, "ab12 \t", "named classes", false},
		{`return ("aB"):match("%u"), ("aB"):match("%U"), ("a,"):match("%p"), ("\1"):find("%c"), ("g1"):match("%x")`, "B a , 1 1", "more of them", false},
		{`return ("k = v"):match("^(%w+)%s*=%s*(%w+)$")`, "k v", "the usual", false},
	})
}

func TestMalformedPatterns(t *testing.T) {
	checkRows(t, []row{
		{`("a"):find("%")`, "error: t.lua:1: malformed pattern (ends with '%')", "nothing to escape", false},
		{`("a"):find("[a")`, "error: t.lua:1: malformed pattern (missing ']')", "open set", false},
		{`("a"):find("[a%")`, "error: t.lua:1: malformed pattern (missing ']')", "open set after %", false},
		{`("a"):find("[]")`, "error: t.lua:1: malformed pattern (missing ']')", "] first is a member", false},
		{`("a"):find("[^]")`, "error: t.lua:1: malformed pattern (missing ']')", "also behind ^", false},
		{`("a"):find("%f")`, "error: t.lua:1: missing '[' after '%f' in pattern", "frontier of nothing", false},
		{`("a"):find("%ba")`, "error: t.lua:1: unbalanced pattern", "balanced needs two", false},
		{`("a"):find("(a")`, "error: t.lua:1: unfinished capture", "open capture", false},
		{`("a"):find("a).")`, "error: t.lua:1: invalid pattern capture", "closed without open", false},
		{`("a"):find("%1")`, "error: t.lua:1: invalid capture index", "reference to nothing", false},
		{`("a"):find("(a%1)")`, "error: t.lua:1: invalid capture index", "reference to an open capture", false},
		{`("a"):find(("()"):rep(33))`, "error: t.lua:1: too many captures", "32 at most", false},
		{`("a"):find("x[a")`, "error: t.lua:1: malformed pattern (missing ']')", "5.1 never gets there", true},
		{`("a"):gsub("a", "%2")`, "error: t.lua:1: invalid capture index", "no such capture", false},
		{`("a"):gsub("a", "%")`, "error: t.lua:1: invalid use of '%' in replacement string", "5.1 appends a NUL", true},
		{`("a"):gsub("a", function() return {} end)`, "error: t.lua:1: invalid replacement value (a table)", "must be text", false},
		{`("a"):find(("a?"):rep(257))`, "error: t.lua:1: pattern too complex: more than 256 repetitions", "recursion is bounded", true},
		{`("a"):find("%a" .. ("x"):rep(70000))`, "error: t.lua:1: pattern too long", "compiled patterns are bounded", true},
	})
}

// Each of these takes minutes or more without a budget.
func TestPatternBudget(t *testing.T) {
	s := New(Options{PatternSteps: 1_000_000})
	for _, source := range []string{
		`return (("a"):rep(30)):find(("a?"):rep(30) .. ("a"):rep(30) .. "b")`,
		`return (("a"):rep(20000)):find(".-b")`,
		`return (("a"):rep(500)):find("a*a*a*a*b")`,
		`return (("("):rep(50000)):find("%b()")`,
		`return (("x"):rep(40000)):gsub("(x*)y", "")`,
		`return (("ab"):rep(20000)):find("(.*)%1%1c")`,
		`for w in (("a"):rep(20000)):gmatch(".-b") do end`,
	} {
		began := time.Now()
		got := run(t, s, source)
		if !strings.Contains(got, "pattern too complex: stopped after") {
			t.Errorf("%s: %s", source, got)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s took %v", source, took)
		}
	}
}

func TestLongSubjectsStayWithinTheBudget(t *testing.T) {
	checkRows(t, []row{
		{`return #(("line\n"):rep(200000):gsub("\n", "\r\n"))`, "1200000", "gsub is linear", false},
		{`return #(("x"):rep(1000000)):match(".*")`, "1000000", "a greedy match over 1 MB", false},
		{`return (("x"):rep(1000000) .. "y"):find("[^x]")`, "1000001 1000001", "a scan over 1 MB", false},
		{`local n = 0 for w in (("ab "):rep(20000)):gmatch("%a+") do n = n + 1 end return n`, "20000", "gmatch has a budget a match", false},
	})
}

func TestContextStopsTheMatcher(t *testing.T) {
	s := New(Options{PatternSteps: 1 << 60})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := s.Run(ctx, compile(t, `return (("a"):rep(60)):find(("a?"):rep(60) .. "b")`))
	if err == nil || time.Since(began) > time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func FuzzMatch(f *testing.F) {
	for _, pattern := range []string{
		"", "^", "$", "%", "%%", "[", "[]", "[^]]", "[a-", "[%a-z]", "%b()", "%f[%w]", "(()a)%1", "%1", "a-b*c+d?", "(a*(.)%w(%s*))",
		".-.-.-x", "\x00%z", "[\x00-\xff]", "%f[", "()()", ")", "(", "[%", "a**", "^^a$$",
	} {
		f.Add("hello (world) aab\x00\xff", pattern)
	}
	f.Fuzz(func(t *testing.T, subject, source string) {
		const steps = 10_000
		p, err := compilePattern(source, true)
		if err != nil {
			return
		}
		var m matcher
		m.start(p, subject, steps, nil)
		start, end, ok := m.find(0)
		if m.spent > steps+stepsPerByte*len(subject)+2*pollSteps+len(subject) {
			t.Fatalf("spent %d steps", m.spent)
		}
		if !ok {
			return
		}
		if start < 0 || start > end || end > len(subject) {
			t.Fatalf("match %d to %d of %d bytes", start, end, len(subject))
		}
		for i := range p.captures {
			if c := m.captures[i]; c.end != positionOnly && (c.start < start || c.start > c.end || c.end > end) {
				t.Fatalf("capture %d is %v in a match from %d to %d", i, c, start, end)
			}
			m.capture(i)
		}
	})
}

func BenchmarkMatchReply(b *testing.B) {
	s := New(Options{})
	proto := compile(b, `for i = 1, 1000 do local code, text = ("250 2.1.0 sender <a@b> ok"):match("^(%d%d%d)[ -](.*)$") end`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Run(context.Background(), proto); err != nil {
			b.Fatal(err)
		}
	}
}
