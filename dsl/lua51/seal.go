package lua51

import lua "github.com/yuin/gopher-lua"

// maxExtras is how many names scripts may have added to one library, over the life of a state: a table never forgets
// the place of a key, so a library that was filled with names stays slow.
const maxExtras = 256

// sealedTable is what a table held before any script ran.
type sealedTable struct {
	table  *lua.LTable
	meta   lua.LValue
	keys   []lua.LValue // in the table's own order
	values []lua.LValue
	extras int
}

// seal notes the contents of all tables that scripts can reach and change: the tables of the host, and the metatable of
// strings. Libraries are added when they are made.
func (s *State) seal() {
	if s.sealed != nil {
		return
	}
	s.main.G.MainThread, s.main.G.CurrentThread = s.main, s.main
	tables := []*lua.LTable{s.main.GetMetatable(lua.LString("")).(*lua.LTable)}
	s.Globals().ForEach(func(_, v lua.LValue) {
		if t, ok := v.(*lua.LTable); ok {
			tables = append(tables, t)
		}
	})
	for _, t := range tables {
		s.sealed = append(s.sealed, sealTable(t))
	}
}

func sealTable(t *lua.LTable) sealedTable {
	sealed := sealedTable{table: t, meta: t.Metatable}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		sealed.keys = append(sealed.keys, k)
		sealed.values = append(sealed.values, v)
	}
	return sealed
}

// intact reports whether nothing was changed. New keys come after the last, or, in the array, before the first.
func (t *sealedTable) intact() bool {
	first, last := lua.LNil, lua.LNil
	if n := len(t.keys); n > 0 {
		first, last = t.keys[0], t.keys[n-1]
	}
	for i, k := range t.keys {
		if t.table.RawGet(k) != t.values[i] {
			return false
		}
	}
	if k, _ := t.table.Next(lua.LNil); k != first || t.table.Metatable != t.meta {
		return false
	}
	after, _ := t.table.Next(last)
	return after == lua.LNil || len(t.keys) == 0
}

// restore undoes what a script changed. False means that it changed too much.
func (t *sealedTable) restore() bool {
	if t.intact() {
		return true
	}
	known := make(map[lua.LValue]bool, len(t.keys))
	for i, k := range t.keys {
		known[k] = true
		t.table.RawSet(k, t.values[i])
	}
	var extra []lua.LValue
	for k, _ := t.table.Next(lua.LNil); k != lua.LNil && len(extra) <= maxExtras; k, _ = t.table.Next(k) {
		if !known[k] {
			extra = append(extra, k)
		}
	}
	for _, k := range extra {
		t.table.RawSet(k, lua.LNil)
	}
	t.table.Metatable = t.meta
	t.extras += len(extra)
	return t.extras <= maxExtras && t.intact()
}
