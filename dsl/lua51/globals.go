package lua51

import (
	"maps"
	"slices"

	lua "github.com/yuin/gopher-lua"
)

// libraries are the tables of Lua 5.1, by name. A state makes one when a script first asks for it.
var libraries = map[string]map[string]builtin{
	"coroutine": coroutineLibrary, "math": mathLibrary, "os": osLibrary, "string": stringLibrary, "table": tableLibrary,
}

// Names are the globals of Lua 5.1 that scripts find, and for those that are libraries, what is in them.
func Names() map[string][]string {
	names := map[string][]string{"_G": nil, "_VERSION": nil}
	for name := range baseLibrary {
		names[name] = nil
	}
	for name, functions := range libraries {
		names[name] = slices.Sorted(maps.Keys(functions))
	}
	names["math"] = append(names["math"], slices.Sorted(maps.Keys(mathConstants))...)
	return names
}

// prepareGlobals arranges for globals to be made as they are asked for.
func (s *State) prepareGlobals() {
	// The machine's have room for 96 names, and a table that is given no size for 32. Few scripts use more than eight.
	s.main.G.Global, s.main.G.Registry = s.main.CreateTable(0, 8), s.main.CreateTable(0, 0)
	s.main.Env = s.Globals()
	missing := s.main.CreateTable(0, 1)
	missing.RawSetString("__index", s.builtin("_G", missingGlobal))
	s.Globals().Metatable = missing
	s.envMeta = s.main.CreateTable(0, 2)
	s.envMeta.RawSetString("__index", s.Globals())
	s.envMeta.RawSetString("__metatable", lua.LFalse)

	s.strings = s.main.CreateTable(0, 0)
	fill := s.main.CreateTable(0, 1)
	fill.RawSetString("__index", s.builtin("string", func(c call) int {
		c.s.openStrings()
		return c.push(c.s.strings.RawGet(c.arg(2)))
	}))
	s.strings.Metatable = fill
	meta := s.main.CreateTable(0, 8)
	meta.RawSetString("__index", s.strings)
	s.arithmetic(meta)
	s.main.SetMetatable(lua.LString(""), meta)
}

// openStrings fills the string library, once.
func (s *State) openStrings() {
	if s.Globals().RawGetString("string") == lua.LNil {
		s.strings.Metatable = lua.LNil
		s.fill(s.strings, stringLibrary)
		s.keep("string", s.strings)
	}
}

func (s *State) fill(table *lua.LTable, functions map[string]builtin) {
	for _, name := range slices.Sorted(maps.Keys(functions)) { // pairs shows them in the same order in every state
		table.RawSetString(name, s.builtin(name, functions[name]))
	}
}

// keep makes a value a global of the host's.
func (s *State) keep(name string, v lua.LValue) {
	s.Globals().RawSetString(name, v)
	if t, ok := v.(*lua.LTable); ok && s.sealed != nil {
		s.sealed = append(s.sealed, sealTable(t))
	}
}

// missingGlobal is the end of the search for a global.
func missingGlobal(c call) int {
	name, ok := c.arg(2).(lua.LString)
	if !ok {
		return c.push(lua.LNil)
	}
	return c.push(c.s.global(c.l, string(name)))
}

// global is a global of the host's or Lua's, made now if it has to be; nil for none.
func (s *State) global(l *lua.LState, name string) lua.LValue {
	if v := s.Globals().RawGetString(name); v != lua.LNil {
		return v
	}
	if s.options.Global != nil {
		if v := s.options.Global(l, name); v != nil && v != lua.LNil {
			s.keep(name, v)
			return v
		}
	}
	switch name {
	case "_G":
		return s.env
	case "_VERSION":
		return lua.LString("Lua 5.1")
	case "string":
		s.openStrings()
		return s.strings
	case concatName:
		s.keep(name, s.builtin(name, stringConcat))
	case fillName:
		s.keep(name, s.builtin(name, tableFill))
	default:
		if fn := baseLibrary[name]; fn != nil {
			s.keep(name, s.builtin(name, fn))
		} else if functions := libraries[name]; functions != nil {
			s.keep(name, s.library(name, functions))
		}
	}
	return s.Globals().RawGetString(name)
}

func (s *State) library(name string, functions map[string]builtin) *lua.LTable {
	t := s.main.CreateTable(0, len(functions))
	s.fill(t, functions)
	if name == "math" {
		for name, n := range mathConstants {
			t.RawSetString(name, n)
		}
	}
	return t
}
