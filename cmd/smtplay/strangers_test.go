package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What a script from a stranger may cost, whatever it does.
const (
	modest  = 200 << 20 // bytes of resident memory
	bounded = 800 << 20 // the same, where the script fills the memory on purpose: the limit, and what is allocated until it is seen
)

// stranger is a script that means no good, or is broken.
type stranger struct {
	reason string
	script string
	says   string        // at the line where the script says so; one of several between |
	within time.Duration // 0 is within the time of the test
	slow   bool
	peak   int64 // 0 is modest
	check  bool  // found before the first connection: by check, and by run unless that is slow

	elsewhere string // the place that is to be blamed, where it is not in the script
}

const (
	tooLong  = "the test took too long: more than 4s"
	topLevel = "the top level of the file, which is run to find its tests, took longer than 5s"
	overflow = "stack overflow"
	tooBig   = "resulting string too large"
	full     = "out of memory: the heap holds "
)

// strangers are made when they are asked for: this binary is the program, too.
// In each script the line to be blamed is the one that says -- HERE.
func strangers() []stranger {
	return []stranger{
		// Loops for ever.
		{reason: "a loop", script: "expect 220\nwhile true do end -- HERE", says: tooLong},
		{reason: "a loop without a body", script: "expect 220\nrepeat until false -- HERE", says: tooLong},
		{reason: "a goto", script: "expect 220\nlocal i = 0 while i >= 0 do i = (i + 1) % 7 end -- HERE", says: tooLong},
		{reason: "a loop inside pcall", script: "expect 220\nwhile true do pcall(function() while true do end end) end -- HERE", says: tooLong},
		{reason: "a loop inside xpcall and its handler", script: "expect 220\nwhile true do xpcall(function() while true do end end, function() while true do end end) end -- HERE", says: tooLong},
		{reason: "a loop inside attempt", script: "expect 220\nwhile true do attempt(function() while true do end end) end -- HERE", says: tooLong},
		{reason: "a loop in a coroutine", script: "expect 220\ncoroutine.wrap(function() while true do end end)() -- HERE", says: tooLong},
		{reason: "a loop of resumes", script: "expect 220\nlocal co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end -- HERE", says: tooLong},
		{reason: "a loop of coroutines", script: "expect 220\nwhile true do coroutine.resume(coroutine.create(function() while true do coroutine.yield() end end)) end -- HERE", says: tooLong + "|" + full, peak: bounded},
		{reason: "a loop in a comparator", script: "expect 220\nlocal t = {} for i = 1, 100 do t[i] = i end\ntable.sort(t, function() while true do end end) -- HERE", says: tooLong},
		{reason: "a comparator that lies", script: "expect 220\nlocal t = {} for i = 1, 1e5 do t[i] = i end\nwhile true do pcall(table.sort, t, function() return true end) end -- HERE", says: tooLong},
		{reason: "a loop in what gsub calls", script: "expect 220\nlocal x = (\"x\"):gsub(\".\", function() while true do end end) -- HERE", says: tooLong},
		{reason: "a loop in __index", script: "expect 220\nlocal t = setmetatable({}, { __index = function() while true do end end }) local x = t.x -- HERE", says: tooLong},
		{reason: "a loop in __tostring", script: "expect 220\nprint(setmetatable({}, { __tostring = function() while true do end end })) -- HERE", says: tooLong},
		{reason: "a loop in an iterator", script: "expect 220\nfor _ in function() return 1 end do end -- HERE", says: tooLong},
		{reason: "a loop in a module", script: "expect 220\nlocal n = 'lib/endless' require(n)", elsewhere: "tests/lib/endless.lua:1:", says: tooLong},
		{reason: "a loop that talks to nobody", script: "expect 220\nwhile true do note 'still here' end -- HERE", says: tooLong},
		{reason: "a loop when the test is over", script: "expect 220\nafter(function() while true do end end) -- HERE", says: "took longer than 5s", within: 6 * time.Second},
		{reason: "a tail call for ever", script: "expect 220\nlocal function f() return f() end f() -- HERE", says: tooLong},

		// Calls itself for ever.
		{reason: "calls itself", script: "expect 220\nlocal function f() return 1 + f() end -- HERE\nf()", says: overflow},
		{reason: "calls itself by turns", script: "expect 220\nlocal a, b function a() return 1 + b() end function b() return 1 + a() end a() -- HERE", says: overflow},
		{reason: "calls itself inside pcall", script: "expect 220\nlocal function f() local _, e = pcall(f) error(e, 0) end f() -- HERE", says: overflow},
		{reason: "calls itself inside attempt", script: "expect 220\nlocal function f() attempt(f) f() end f() -- HERE", says: overflow},
		{reason: "calls itself inside eventually", script: "local function f() expect 220 eventually{ within = 1, every = 1, f } end f() -- HERE", says: overflow},
		{reason: "calls itself by a metamethod", script: "expect 220\nlocal t = setmetatable({}, { __index = function(t, k) return t[k .. 'x'] end }) local x = t.a -- HERE", says: overflow},
		{reason: "calls itself by concatenation", script: "expect 220\nlocal m = {} m.__concat = function(a, b) return a .. b end local t = setmetatable({}, m) t = t .. t -- HERE", says: overflow},
		{reason: "calls itself by coroutines", script: "expect 220\nlocal function f() coroutine.wrap(f)() end f() -- HERE", says: overflow},
		{reason: "calls itself by gsub", script: "expect 220\nlocal function f() return ((\"x\"):gsub(\"x\", f)) end f() -- HERE", says: overflow},
		{reason: "calls itself by sort", script: "expect 220\nlocal function f() table.sort({ 2, 1 }, f) end f() -- HERE", says: overflow},
		{reason: "calls itself by tostring", script: "expect 220\nlocal function f() return tostring(setmetatable({}, { __tostring = f })) end f() -- HERE", says: overflow},

		// Fills the memory.
		{reason: "a string of 1 GB", script: "expect 220\nlocal s = (\"x\"):rep(2^30) -- HERE", says: tooBig},
		{reason: "a string that doubles", script: "expect 220\nlocal s = 'x' while true do s = s .. s end -- HERE", says: tooBig + "|" + full, peak: bounded},
		{reason: "a string that doubles inside pcall", script: "expect 220\nwhile true do pcall(function() local s = 'x' while true do s = s .. s end end) end -- HERE", says: tooBig + "|" + full + "|" + tooLong, peak: bounded},
		{reason: "a string that grows", script: "expect 220\nlocal s = '' while true do s = s .. (\"x\"):rep(1e6) end -- HERE", says: tooBig + "|" + full, peak: bounded},
		{reason: "a table that grows", script: "expect 220\nlocal t = {} while true do t[#t + 1] = {} end -- HERE", says: full, peak: bounded},
		{reason: "a table of strings", script: "expect 220\nlocal t = {} for i = 1, 1e9 do t[i] = (\"x\"):rep(1000) .. i end -- HERE", says: full, peak: bounded},
		{reason: "a table of coroutines", script: "expect 220\nlocal t = {} while true do t[#t + 1] = coroutine.create(error) end -- HERE", says: full + "|" + tooLong, peak: bounded},
		{reason: "a table of functions", script: "expect 220\nlocal t = {} while true do t[#t + 1] = function() return t end end -- HERE", says: full, peak: bounded},
		{reason: "strings put together", script: "expect 220\nlocal t = {} for i = 1, 64 do t[i] = (\"x\"):rep(2^24) end local s = table.concat(t) -- HERE", says: tooBig + "|" + full, peak: bounded},
		{reason: "text written by format", script: "expect 220\nlocal s = (\"x\"):rep(2^25) s = (\"%s%s%s%s%s%s%s%s\"):format(s, s, s, s, s, s, s, s) -- HERE", says: tooBig + "|" + full, peak: bounded},
		{reason: "a replacement that explodes", script: "expect 220\nlocal s = (\"x\"):rep(1e6):gsub(\".\", (\"y\"):rep(1e6)) -- HERE", says: tooBig, peak: bounded},
		{reason: "notes without end", script: "expect 220\nlocal s = (\"x\"):rep(1e6) while true do note(s) end -- HERE", says: tooLong + "|" + full, peak: bounded},

		// Patterns that backtrack.
		{reason: "a pattern that backtracks", script: "expect 220\nlocal x = (\"a\"):rep(2e5):find((\"a*\"):rep(30) .. \"b\") -- HERE", says: "pattern too complex"},
		{reason: "a pattern that backtracks at each place", script: "expect 220\nlocal x = (\"a\"):rep(1e6):gsub(\"a-b\", \"\") -- HERE", says: "pattern too complex"},
		{reason: "a pattern that balances nothing", script: "expect 220\nlocal x = (\"(\"):rep(1e6):gsub(\"%b()\", \"\") -- HERE", says: "pattern too complex"},
		{reason: "a pattern that backtracks inside pcall", script: "expect 220\nlocal s = (\"a\"):rep(2e5) while true do pcall(string.find, s, (\".-\"):rep(30) .. \"b\") end -- HERE", says: tooLong},

		// What lies elsewhere.
		{reason: "require up the tree", script: "expect 220\nlocal n = '../outside' require(n) -- HERE", says: "it does not lie below the script's folder"},
		{reason: "require from the root", script: "expect 220\nlocal n = '/etc/passwd' require(n) -- HERE", says: "it does not lie below the script's folder"},
		{reason: "require through a link", script: "expect 220\nlocal n = 'lib/link' require(n) -- HERE", says: "it leads out of the script's folder"},
		{reason: "require through a link to a folder", script: "expect 220\nlocal n = 'lib/up/outside' require(n) -- HERE", says: "it leads out of the script's folder"},
		{reason: "require inside pcall", script: "expect 220\nlocal n = 'lib/up/outside' assert(pcall(require, n)) -- HERE", says: "it leads out of the script's folder"},
		{reason: "file up the tree", script: "expect 220\nlocal n = '../outside.lua' file(n) -- HERE", says: "it does not lie below the script's folder"},
		{reason: "file up and down", script: "expect 220\nlocal n = 'x/../../outside.lua' file(n) -- HERE", says: "it does not lie below the script's folder"},
		{reason: "file from the root", script: "expect 220\nlocal n = '/etc/passwd' file(n) -- HERE", says: "it does not lie below the script's folder"},
		{reason: "file through a link", script: "expect 220\nlocal n = 'lib/link.lua' file(n) -- HERE", says: "it leads out of the script's folder"},
		{reason: "file through a link to a folder", script: "expect 220\nlocal n = 'lib/up/outside.lua' file(n) -- HERE", says: "it leads out of the script's folder"},
		{reason: "file of a folder", script: "expect 220\nlocal n = 'lib' file(n) -- HERE", says: "it is no regular file"},
		{reason: "file of a device", script: "expect 220\nlocal n = 'lib/zero' file(n) -- HERE", says: "it leads out of the script's folder"},
		{reason: "file of 2 GB", script: "expect 220\nlocal n = 'lib/huge' file(n) -- HERE", says: "it is larger than"},

		// Wrong before the first connection: check finds the same.
		{reason: "require up the tree, by a literal", check: true, script: "expect 220\nrequire '../outside' -- HERE", says: "it does not lie below the script's folder"},
		{reason: "require through a link, by a literal", check: true, script: "expect 220\nrequire 'lib/link' -- HERE", says: "it leads out of the script's folder"},
		{reason: "file through a link, by a literal", check: true, script: "expect 220\nfile 'lib/up/outside.lua' -- HERE", says: "it leads out of the script's folder"},
		{reason: "a top level that loops", check: true, script: "while true do end -- HERE\ntest('a', function() expect 220 end)", says: topLevel, within: 6 * time.Second},
		{reason: "a top level that loops inside pcall", check: true, slow: true, script: "while true do pcall(function() while true do end end) end -- HERE\ntest('a', function() expect 220 end)", says: topLevel, within: 6 * time.Second},
		{reason: "a top level that declares for ever", check: true, slow: true, script: "for i = 1, 1e9 do test('t' .. i, function() expect 220 end) end -- HERE", says: topLevel + "|" + full, within: 6 * time.Second, peak: bounded},
		{reason: "a top level that sleeps", check: true, slow: true, script: "sleep '1h' -- HERE\ntest('a', function() expect 220 end)", says: topLevel, within: 6 * time.Second},
		{reason: "a top level that calls itself", check: true, script: "local function f() return 1 + f() end f() -- HERE\ntest('a', function() expect 220 end)", says: overflow},
		{reason: "a top level that fills the memory", check: true, script: "local t = {} while true do t[#t + 1] = {} end -- HERE\ntest('a', function() expect 220 end)", says: full + "|" + topLevel, peak: bounded},
		{reason: "a top level with a pattern that backtracks", check: true, script: "local x = (\"a\"):rep(2e5):find((\"a*\"):rep(30) .. \"b\") -- HERE\ntest('a', function() expect 220 end)", says: "pattern too complex"},
		{reason: "a source of 5 MB", check: true, script: strings.Repeat("local_variable = \"xxxxxxxxxxxxxxxxxxxxxxxxxxx\"\n", 110_000), says: "more than the 1048576 (1 MiB) that a script may have"},
		{reason: "a source of 5 MB in one line", check: true, script: "local t = {" + strings.Repeat("1,", 2_500_000) + "}", says: "more than the 1048576 (1 MiB) that a script may have"},
		{reason: "a source that nests", check: true, script: "local x = " + strings.Repeat("(", 300_000) + "1" + strings.Repeat(")", 300_000) + " -- HERE", says: "nested too deeply"},
		{reason: "a source of operators", check: true, script: "local x = 1" + strings.Repeat(" .. 1", 150_000) + " -- HERE", says: "nested too deeply"},
		{reason: "a source of functions", check: true, script: "local x = " + strings.Repeat("function() return ", 40_000) + "1" + strings.Repeat(" end", 40_000) + " -- HERE", says: "nested too deeply"},
	}
}

// innocents run beside a stranger, one that talks and one that waits.
var innocents = map[string]string{
	"innocent.lua": "ehlo(); noop(); expect_silence(0.1); noop(); quit()",
	"waiting.lua":  "expect 220\nexpect_silence(0.3)\nlocal words = {} for w in ('a b c'):gmatch '%a' do words[#words + 1] = w end assert(#words == 3)",
}

// TestStrangers: a script that loops, recurses, fills the memory or looks
// around is ended in bounded time and memory, told of at its line, and harms
// nobody beside it.
func TestStrangers(t *testing.T) {
	t.Parallel()
	program := plainBinary(t)
	for _, s := range strangers() {
		t.Run(s.reason, func(t *testing.T) {
			t.Parallel()
			dir := s.folder(t)
			if s.check {
				got := child{program: program, dir: dir}.measured(t, "check", "tests/stranger.lua")
				s.judge(t, got, exitUsage, got.stderr)
				if s.slow {
					return // the first of its kind has shown that run finds the same
				}
				got = child{program: program, dir: dir}.measured(t, "run", "--demo", "tests")
				s.judge(t, got, exitUsage, got.stderr)
				if !strings.Contains(got.stderr, "nothing was sent") || strings.Contains(got.stdout, "ok ") {
					t.Errorf("something was sent: %s", got.stdout)
				}
				return
			}
			limit := "4s"
			if strings.Contains(s.says, full) && !strings.Contains(s.says, tooLong) { // to fill it takes a busy machine longer
				limit = "15s"
			}
			got := child{program: program, dir: dir}.measured(t, "run", "--demo", "--jobs", "4", "--test-timeout", limit, "tests")
			s.judge(t, got, exitNoVerdict, got.stdout)
			for name := range innocents {
				if !strings.Contains(got.stdout, "ok    tests/"+name) {
					t.Errorf("%s was harmed:\n%s", name, got.stdout)
				}
			}
			if !strings.Contains(got.stdout, "2 passed, 0 failed, 0 skipped, 1 errors in ") {
				t.Errorf("the summary is wrong:\n%s", got.stdout)
			}
		})
	}
}

// TestStrangersTogether: several strangers at once are no worse than one, and the innocents pass.
func TestStrangersTogether(t *testing.T) {
	program := plainBinary(t)
	for _, together := range []struct {
		reason  string
		scripts []string
		peak    int64
	}{
		{"loops", []string{"while true do end", "while true do pcall(error) end", "local function f() return f() end f()"}, modest},
		{"those that fill the memory", []string{"local s = 'x' while true do s = s .. s end", "local t = {} while true do t[#t + 1] = {} end"}, bounded},
		{"those that double strings", []string{"local s = 'x' while true do s = s .. s end", "local s = 'xy' while true do s = s .. s end", "local s = 'xyz' while true do s = s .. s end"}, bounded},
		{"all kinds", []string{"while true do end", "local s = 'x' while true do s = s .. s end", "local function f() return 1 + f() end f()"}, bounded},
	} {
		t.Run(together.reason, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range innocents {
				write(t, dir, map[string]string{"tests/" + name: text})
			}
			for i, text := range together.scripts {
				write(t, dir, map[string]string{fmt.Sprintf("tests/a%d.lua", i): "expect 220 " + text})
			}
			got := child{program: program, dir: dir}.measured(t, "run", "--demo", "--jobs", "4", "--test-timeout", "3s", "tests")
			want := fmt.Sprintf("2 passed, 0 failed, 0 skipped, %d errors in ", len(together.scripts))
			if !strings.Contains(got.stdout, want) || got.status != exitNoVerdict {
				t.Errorf("exit status %d, want %d and %q:\n%s", got.status, exitNoVerdict, want, got.stdout)
			}
			if got.peak > together.peak {
				t.Errorf("took %d MiB of memory, more than %d", got.peak>>20, together.peak>>20)
			}
		})
	}
}

// folder is where a stranger and the innocents lie, with links that lead out of it.
func (s stranger) folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"tests/stranger.lua":    s.script,
		"tests/lib/endless.lua": "while true do end -- HERE",
		"outside.lua":           "return 'outside'",
	})
	for name, text := range innocents {
		write(t, dir, map[string]string{"tests/" + name: text})
	}
	lib := filepath.Join(dir, "tests", "lib")
	for name, target := range map[string]string{"link.lua": "../../outside.lua", "up": "../..", "zero": "/dev/zero"} {
		if err := os.Symlink(target, filepath.Join(lib, name)); err != nil {
			t.Fatal(err)
		}
	}
	huge, err := os.Create(filepath.Join(lib, "huge"))
	if err == nil {
		err = errors.Join(huge.Truncate(2<<30), huge.Close()) // a hole: it takes no room on the disk
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// judge fails unless the program ended as it should: with that status, in time,
// within its memory, and saying what is wrong at the line that is to be blamed.
func (s stranger) judge(t *testing.T, got ended, status int, said string) {
	t.Helper()
	place := "tests/stranger.lua: "
	for i, line := range strings.Split(s.script, "\n") {
		if strings.Contains(line, "-- HERE") {
			place = fmt.Sprintf("tests/stranger.lua:%d:", i+1)
		}
	}
	if s.elsewhere != "" {
		place = s.elsewhere
	}
	told := false
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		for text := range strings.SplitSeq(s.says, "|") {
			told = told || strings.HasPrefix(line, place) && strings.Contains(line, text)
		}
	}
	if !told {
		t.Errorf("does not say %q at %s", s.says, place)
	}
	if got.status != status {
		t.Errorf("exit status %d, want %d", got.status, status)
	}
	if within := cmp.Or(s.within, 7*time.Second) + 10*time.Second; got.took > within { // the machine may have more to do
		t.Errorf("took %v", got.took)
	}
	if most := cmp.Or(s.peak, modest); got.peak > most {
		t.Errorf("took %d MiB of memory, more than %d", got.peak>>20, most>>20)
	}
	for _, alarm := range []string{"panic", "goroutine ", "fatal error", "runtime error"} {
		if strings.Contains(got.stdout+got.stderr, alarm) {
			t.Errorf("speaks of %q", alarm)
		}
	}
	if len(got.stdout)+len(got.stderr) > 100<<10 {
		t.Errorf("says %d bytes", len(got.stdout)+len(got.stderr))
	}
	if t.Failed() {
		t.Logf("[stdout]\n%.3000s\n[stderr]\n%.3000s", got.stdout, got.stderr)
	}
}
