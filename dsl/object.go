package dsl

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// object is a type of value with fields and methods of its own, beside
// conversations and replies: what a verb returned to go on with.
type object struct {
	name    string // as errors and the reference call it
	doc     string
	fields  []objectField
	methods []*verb
}

// objectField is a field of an object, made when it is asked for.
type objectField struct {
	name, kind, doc string
	get             func(m *machine, self any) lua.LValue
}

// objects are the types beside conversations; objectNamed is their index.
var (
	objects     []*object
	objectNamed map[string]*object
)

// objectTypes lists them, in the order of the reference.
func objectTypes() []*object {
	return []*object{listenerObject(), visitObject(), sessionObject(), halfObject(), mailboxObject(), messageObject(), logObject(), entryObject()}
}

// registerObjects fills the index, and tells each method whose it is.
func registerObjects() {
	objects = objectTypes()
	objectNamed = map[string]*object{}
	for _, o := range objects {
		objectNamed[o.name] = o
		for _, v := range o.methods {
			v.of = o
		}
	}
}

// method is the method of that name, nil for none.
func (o *object) method(name string) *verb {
	for _, v := range o.methods {
		if v.name == name {
			return v
		}
	}
	return nil
}

// names are all that can stand behind the dot or the colon.
func (o *object) names() []string {
	var names []string
	for _, f := range o.fields {
		names = append(names, f.name)
	}
	for _, v := range o.methods {
		names = append(names, v.name)
	}
	return names
}

// article is the name with what goes before it.
func (o *object) article() string {
	if strings.Contains("aeiou", o.name[:1]) {
		return "an " + o.name
	}
	return "a " + o.name
}

// reference is the object's part of the reference: what it is, and its fields.
func (o *object) reference() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n%s\n", o.name, o.doc)
	if len(o.fields) > 0 {
		b.WriteString("\n| | | |\n|---|---|---|\n")
	}
	for _, f := range o.fields {
		fmt.Fprintf(&b, "| `.%s` | %s | %s |\n", f.name, f.kind, cell(f.doc))
	}
	for _, v := range o.methods {
		b.WriteString("\n" + v.reference())
	}
	return b.String()
}

// object makes the value of an object as the script holds it.
func (m *machine) object(o *object, self any) lua.LValue {
	meta := m.objectMetas[o]
	if meta == nil {
		meta = m.objectMeta(o)
		if m.objectMetas == nil {
			m.objectMetas = map[*object]*lua.LTable{}
		}
		m.objectMetas[o] = meta
	}
	ud := m.L.NewUserData()
	ud.Value, ud.Metatable = &objectValue{o, self}, meta
	return ud
}

// objectValue is what stands behind the value of a script.
type objectValue struct {
	*object
	self any
}

func (m *machine) objectMeta(o *object) *lua.LTable {
	methods := map[string]lua.LValue{}
	return m.meta(o.name, func(l *lua.LState, self *lua.LUserData, name string) lua.LValue {
		for _, f := range o.fields {
			if f.name == name {
				return f.get(m, self.Value.(*objectValue).self)
			}
		}
		if fn, ok := methods[name]; ok {
			return fn
		}
		if v := o.method(name); v != nil {
			methods[name] = m.state.Function(m.methodOf(v))
			return methods[name]
		}
		m.unknownField(l, o.article(), name, o.names())
		return lua.LNil
	})
}

// methodOf is a method of the object before the colon.
func (m *machine) methodOf(v *verb) lua.LGFunction {
	return func(l *lua.LState) int {
		if ud, ok := l.Get(1).(*lua.LUserData); ok {
			if value, ok := ud.Value.(*objectValue); ok && value.object == v.of {
				return m.call(l, v, nil, value.self, 2)
			}
		}
		m.s.wrong(l, "%s is called as x:%s(…), on %s", v.name, v.name, v.of.article())
		return 0
	}
}

// objectIn is the object of that type that a value of the script is, nil where it
// is none.
func objectIn(o *object, v lua.LValue) any {
	if ud, ok := v.(*lua.LUserData); ok {
		if value, ok := ud.Value.(*objectValue); ok && value.object == o {
			return value.self
		}
	}
	return nil
}
