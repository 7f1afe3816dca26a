package dsl

import (
	"bytes"
	"fmt"
	"strings"
)

// role is what an input is for: its name, and the words that explain it.
type role struct{ name, doc string }

var (
	roleHelo      = role{"helo", "the name we give in EHLO"}
	roleSender    = role{"sender", "who writes"}
	roleRecipient = role{"recipient", "to whom"}
	roleUnknown   = role{"unknown", "an address that is not hosted here"}
	roleUser      = role{"user", "who logs in"}
)

// maxInputs keeps the locals of a script below the 200 that Lua has. What is
// beyond stands written out where it is used.
const maxInputs = 150

// inputs are the vars and secrets of a script.
type inputs struct {
	vars      map[inputKey]string // the Lua name
	taken     map[string]bool     // Lua names
	secrets   map[string]string   // the Lua name by that of the secret
	addresses map[string]string   // the values of the vars that hold one, by Lua name
	pending   bytes.Buffer        // declarations that are not written yet
	count     map[string]int      // by role
}

// inputKey tells vars apart: one address may be a sender and a recipient.
// Recipients of all sorts are one.
type inputKey struct {
	kind  string
	value string
}

// variable is the Lua name of the var that holds value, "" where there is none:
// for nothing, but for a user whose name was not kept, and where there is no more
// room.
func (in *inputs) variable(r role, value string) string {
	key := inputKey{r.name, value}
	if r == roleUnknown {
		key.kind = roleRecipient.name
	}
	if name := in.vars[key]; name != "" {
		return name
	}
	if in.vars == nil {
		in.vars, in.count, in.addresses = map[inputKey]string{}, map[string]int{}, map[string]string{}
	}
	if value == "" && r != roleUser || len(in.taken) >= maxInputs {
		return ""
	}
	in.count[r.name]++
	name := r.name
	if n := in.count[r.name]; n > 1 {
		name = fmt.Sprintf("%s%d", r.name, n)
	}
	lua := in.take(name)
	if in.vars[key] = lua; strings.Contains(value, "@") {
		in.addresses[lua] = value
	}
	preset := quote(value)
	if value == "" {
		preset = "nil" // nobody knows: it must be given
	}
	fmt.Fprintf(&in.pending, "local %s = var(%s, %s, %s)\n", lua, quote(name), preset, quote(r.doc))
	return lua
}

// secret is the Lua name of a secret. One that was made with unique() is made
// anew.
func (in *inputs) secret(name string) string {
	if name == "unique" {
		return "unique()"
	}
	if lua := in.secrets[name]; lua != "" {
		return lua
	}
	if in.secrets == nil {
		in.secrets = map[string]string{}
	}
	if len(in.taken) >= maxInputs {
		return "secret(" + quote(name) + ")"
	}
	lua := in.take(name)
	in.secrets[name] = lua
	fmt.Fprintf(&in.pending, "local %s = secret %s\n", lua, quote(name))
	return lua
}

// take makes a Lua name of name, one that means nothing else.
func (in *inputs) take(name string) string {
	lua := strings.Map(func(r rune) rune {
		if r < 0x80 && isNameByte(byte(r)) {
			return r
		}
		return '_'
	}, name)
	if lua == "" || isDigit(lua[0]) {
		lua = "_" + lua
	}
	for in.taken[lua] || reserved(lua) {
		lua += "_"
	}
	if in.taken == nil {
		in.taken = map[string]bool{}
	}
	in.taken[lua] = true
	return lua
}

// reserved: a name that is Lua's or smtplay's, or that the writer gives away.
// The verb helo is none that it writes.
func reserved(name string) bool {
	_, known := builtins()[name]
	return known && name != roleHelo.name || luaWords[name] || conversationNames[name]
}

var luaWords = words("and break do else elseif end false for function goto if in local nil not or repeat return then true until while")

func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

// declare gives out the declarations that are not written yet, and a blank line.
func (in *inputs) declare(between bool) []byte {
	var out []byte
	if between {
		out = append(out, '\n')
	}
	if in.pending.Len() > 0 {
		out = append(append(out, in.pending.Bytes()...), '\n')
	}
	in.pending.Reset()
	return out
}
