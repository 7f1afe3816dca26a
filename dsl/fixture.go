package dsl

import (
	"path"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine/transcript"
)

// FixtureName is the file of a folder that says what runs around every test in
// the folder and below. It is no test itself.
const FixtureName = "suite.lua"

// Fixture is a compiled suite.lua. It is immutable, and serves any number of
// scripts.
type Fixture struct{ script *Script }

// CompileFixture compiles the suite.lua in a file. outer are those of the
// folders above, the outermost first: what they assign it may read. Modules and
// files that it names lie below its own folder.
func CompileFixture(file string, text []byte, outer ...*Fixture) (*Fixture, Problems) {
	s := newScript(file, outer)
	s.fixture = true
	problems := s.compile(text)
	if problems.Err() != nil {
		return nil, problems
	}
	return &Fixture{s}, problems
}

func fixtureVerbs() []*verb {
	const place = " It stands in suite.lua, outside of functions."
	return inChapter(chapterTests, globals(
		&verb{name: "before_each", doc: "Runs the function before every test of the folder and of those below it, in the test's own state: what it assigns and what it connects the test finds. That of the outermost folder runs first. What it expects does not count as the test's own." + place,
			args: []param{{name: "function", kind: functionKind}}, example: `before_each(function() user = "james" end)`, run: func(c *call) int {
				f := c.around()
				f.before = append(f.before, c.function(0))
				return 0
			}},
		&verb{name: "after_each", doc: "Runs the function after every test of the folder and of those below it, whatever its outcome, once the test's own after functions have run. That of the outermost folder runs last. It shares their 5 s." + place,
			args: []param{{name: "function", kind: functionKind}}, run: func(c *call) int {
				f := c.around()
				f.after = append(f.after, c.function(0))
				return 0
			}},
	)...)
}

// surrounding is what one suite.lua runs around a test.
type surrounding struct{ before, after []*lua.LFunction }

// around is that of the suite.lua whose top level runs now.
func (c *call) around() *surrounding {
	if c.s.phase != phaseFixture {
		c.wrong("%s stands in suite.lua, outside of functions", c.v.name)
	}
	return &c.s.around[len(c.s.around)-1]
}

// surround runs the top levels of the script's fixtures, the outermost first.
func (s *session) surround() error {
	if len(s.script.around) == 0 {
		return nil
	}
	phase := s.phase
	s.phase = phaseFixture
	defer func() { s.phase = phase }()
	for _, f := range s.script.around {
		s.around = append(s.around, surrounding{})
		if _, err := s.m.state.Call(s.ctx, s.m.state.Load(f.script.main.proto)); err != nil {
			return err
		}
	}
	return nil
}

// beforeEach runs what is to be run before the test. What is to be run after it
// waits from then on, be it that the test never begins.
func (s *session) beforeEach() error {
	for _, f := range s.around {
		s.cleanup = append(s.cleanup, f.after...)
		for _, fn := range f.before {
			if _, err := s.m.state.Call(s.ctx, fn); err != nil {
				return err
			}
		}
	}
	s.expected = 0 // that the test begins is no proof of anything
	return nil
}

// home is the script or the fixture to which the line that runs now belongs:
// the files that it names lie beside it.
func (c *call) home() *Script {
	if s := c.s.homes[c.pos.File]; s != nil {
		return s
	}
	return c.s.script.homeOf(c.pos)
}

func (s *Script) homeOf(at transcript.Pos) *Script {
	if s.owns(at.File) {
		return s
	}
	for _, f := range slices.Backward(s.around) { // the innermost
		if f.script.owns(at.File) {
			return f.script
		}
	}
	return s
}

// owns says whether a file is the script's own, or one of its modules'.
func (s *Script) owns(file string) bool {
	if file == s.path {
		return true
	}
	for _, m := range s.modules {
		if m.source.name == file {
			return true
		}
	}
	return false
}

// fixtureModules are all files of the fixtures around the script.
func (s *Script) fixtureModules() []*module {
	var all []*module
	for _, f := range s.around {
		all = append(all, f.script.main)
		for _, m := range f.script.modules {
			all = append(all, m)
		}
	}
	return all
}

// misplaced finds the verbs that only suite.lua has, or has not.
func (s *Script) misplaced(m *module) Problems {
	words, msg, hint := []string{"before_each", "after_each"}, "stands in suite.lua, which says what runs around every test of its folder", ""
	if s.fixture {
		words, msg, hint = testWords, "has no place in suite.lua: it is no test, and declares none", "the scripts beside it declare tests"
	}
	var problems Problems
	for _, r := range m.facts.reads {
		if slices.Contains(words, r.name) && m.facts.writes[r.name] == 0 {
			p := m.problem(r.line, r.name, r.name+" "+msg)
			p.Hint = hint
			problems = append(problems, p)
		}
	}
	return problems
}

// join adds to what the script needs what its fixtures need, and says whether
// all of them together talk with the default target.
func (s *Script) join() {
	u := s.use
	for _, f := range s.around {
		o := f.script
		s.hidden = append(s.hidden, o.hidden...)
		u.connects, u.others, u.talks = u.connects || o.use.connects, u.others || o.use.others, u.talks || o.use.talks
		for _, in := range o.needs.Vars {
			mergeInput(&s.needs.Vars, in)
		}
		for _, in := range o.needs.Secrets {
			mergeInput(&s.needs.Secrets, in)
		}
		s.needs.Lookups = s.needs.Lookups || o.needs.Lookups
		s.needs.Default = s.needs.Default || o.needs.Default
		for _, target := range o.needs.Targets {
			i := slices.IndexFunc(s.needs.Targets, func(u Use) bool { return u.Name == target.Name })
			if i < 0 {
				target.Optional = target.Optional || s.optional[target.Name]
				s.needs.Targets = append(s.needs.Targets, target)
				continue
			}
			s.needs.Targets[i].Optional = s.needs.Targets[i].Optional || o.optional[target.Name]
		}
		for i, target := range s.needs.Targets {
			s.needs.Targets[i].Optional = target.Optional || o.optional[target.Name]
		}
	}
	if !s.fixture { // which tests there are below it nobody knows yet
		s.needs.Default = s.needs.Default || !u.connects && (u.talks || !u.others)
	}
}

// mergeInput adds a var or a secret that may be known already. A default given
// anywhere holds everywhere.
func mergeInput(list *[]Input, in Input) {
	i := slices.IndexFunc(*list, func(known Input) bool { return known.Name == in.Name })
	if i < 0 {
		*list = append(*list, in)
		return
	}
	known := &(*list)[i]
	known.Needed = known.Needed && in.Needed
	if known.Default == nil {
		known.Default = in.Default
	}
	if known.Doc == "" {
		known.Doc = in.Doc
	}
}

// peers are with whom a script speaks.
type peers struct {
	connects bool // it says with whom
	others   bool // with more than a server under test
	talks    bool // with the current conversation, whosever that is
}

// modulePath is how people know the module of that name.
func (s *Script) modulePath(name string) string { return path.Join(path.Dir(s.path), name+".lua") }
