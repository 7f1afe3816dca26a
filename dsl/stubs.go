package dsl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Stubs are the language as editors read it: declarations for the Lua language
// server of every verb, object and option, with what the reference says of them.
// They are Lua 5.1, and no script: they begin with ---@meta.
func Stubs() string {
	var b strings.Builder
	b.WriteString(stubsHead)
	stubConversation(&b)
	for _, o := range objects {
		o.stub(&b)
	}
	tables := map[string]bool{}
	for _, v := range verbs {
		if table, _, ok := strings.Cut(v.name, "."); ok && !tables[table] {
			tables[table] = true
			fmt.Fprintf(&b, "\n%s = {}\n", table)
		}
		v.stub(&b, v.name)
	}
	return b.String()
}

// stubsHead declares the types that are no objects of the registry.
const stubsHead = `---@meta smtplay
-- The language of smtplay for editors. Made from its registry: what smtplay docs says, and no script.

---@alias smtplay.duration number|string # seconds, or "1m30s"
---@alias smtplay.pattern integer|string|smtplay.pattern.options # 554, "55x", "5.7.1 denied", { 250, 251 }
---@alias smtplay.demand string|number|boolean|table # a text, { text = … }, { match = … }, a list of them, true or false
---@alias smtplay.answer string|boolean|table|function # "451 4.7.1 come back", false, { reply = …, delay = … }

---@class smtplay.pattern.options
---@field [integer] smtplay.pattern # any of these
---@field text? string # the text of the reply contains it
---@field match? string # a regular expression (RE2); its groups land in captures
---@field enhanced? string # the enhanced status code
---@field challenge? string # what a 334 says, decoded
---@field within? smtplay.duration # how long the reply may take
---@field because? string # shown on failure

---@class smtplay.reply
---@field code integer
---@field enhanced? string # the enhanced status code
---@field text string # its lines, without codes
---@field lines string[]
---@field raw string
---@field command? string # what it answers
---@field seconds number # from the last byte sent to the last byte read
---@field captures table<integer|string, string> # the groups of match
---@field challenge? string # what a 334 says, decoded
---@field queue_id? string # under which name the server queued the message
`

// stubReturns are what verbs return that return no object of the registry; "nil"
// is nothing. Of the others nothing is claimed.
var stubReturns = map[string]string{
	"connect": "smtplay.conversation", "addresses": "string[]", "expect": "smtplay.reply", "reply": "smtplay.reply",
	"capabilities": "table<string, string[]>", "var": "string", "secret": "string", "file": "string", "unique": "string",
	"message": "string", "base64.encode": "string", "base64.decode": "string", "attempt": "boolean, any ...",
	"visit:header": "string[]", "message:header": "string[]", "session:command": "string", "session:expect_command": "string", "session:read": "string",
	"helo": "smtplay.reply", "ehlo": "smtplay.reply", "lhlo": "smtplay.reply", "mail": "smtplay.reply", "rcpt": "smtplay.reply",
	"rset": "smtplay.reply", "noop": "smtplay.reply", "vrfy": "smtplay.reply", "quit": "smtplay.reply",
	"send": "nil", "raw": "nil", "close": "nil", "pipeline": "nil", "expect_close": "nil", "expect_silence": "nil",
	"step": "nil", "note": "nil", "sleep": "nil", "test": "nil", "after": "nil", "requires": "nil", "skip": "nil", "fail": "nil",
	"expect_capability": "nil", "expect_no_capability": "nil",
}

// stubTypes are the kinds of arguments and options as the language server knows
// types.
var stubTypes = map[kind]string{anyValue: "any", textKind: "string|number", stringKind: "string", numberKind: "number", booleanKind: "boolean",
	durationKind: "smtplay.duration", patternKind: "smtplay.pattern", functionKind: "function", listKind: "string|string[]",
	versionKind: "string|number", mechanismKind: "string", nameKind: "string", pemKind: "string", pinKind: "string|string[]",
	keyTypeKind: "string|string[]", signatureKind: "string|string[]", cipherKind: "string|string[]", stapleKind: "string",
	tlsaKind: "string|table", proxyKind: "table", domainKind: "string", addressKind: "string", resolverKind: "string",
	demandKind: "smtplay.demand", demandsKind: "table<string, smtplay.demand>", dkimKind: "string|table", commandKind: "string|table", answerKind: "smtplay.answer"}

// ownDeclarations are verbs that Lua has too: what the language server knows of
// them by itself is more than could be said here. It declares require with the
// library package, which scripts do not have; what a module returns it knows by
// the name of require alone.
var ownDeclarations = []string{"assert", "print"}

// stubConversation declares what connect returns: its methods are verbs.
func stubConversation(b *strings.Builder) {
	b.WriteString("\n---A connection to a server: what connect returns.\n---@class smtplay.conversation\nlocal conversation = {}\n")
	for _, v := range verbs {
		if !v.global {
			v.stub(b, "conversation:"+v.name)
		}
	}
}

// stub declares an object with its fields and methods.
func (o *object) stub(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s---@class smtplay.%s\n", comment(o.doc), o.name)
	for _, f := range o.fields {
		fmt.Fprintf(b, "---@field %s %s # %s\n", f.name, fieldType(f.kind), oneLine(f.doc))
	}
	fmt.Fprintf(b, "local %s = {}\n", o.name)
	for _, v := range o.methods {
		v.stub(b, o.name+":"+v.name)
	}
}

// fieldType is the type of a field of that kind.
func fieldType(kind string) string {
	switch kind {
	case "list":
		return "any[]"
	case "string", "number", "boolean", "table":
		return kind
	}
	return "any"
}

// stub declares a verb under that name. Its options are a class, in which the
// positional values stand too: a call may be written as one table.
func (v *verb) stub(b *strings.Builder, name string) {
	if slices.Contains(ownDeclarations, name) {
		fmt.Fprintf(b, "\n-- %s: as in Lua. %s\n", name, oneLine(v.doc))
		return
	}
	class := "smtplay." + strings.NewReplacer(":", ".").Replace(v.fullName()) + ".options"
	// Methods of a conversation come before the globals, and share the class with them.
	if v.global || v.of != nil || strings.HasPrefix(name, "conversation:") {
		v.stubOptions(b, class)
	}
	b.WriteString("\n" + comment(v.doc))
	if v.example != "" {
		fmt.Fprintf(b, "---\n---    %s\n", oneLine(v.example))
	}
	var names []string
	for _, a := range v.args {
		if v.many && a.optional {
			continue
		}
		names = append(names, luaName(a.name))
		fmt.Fprintf(b, "---@param %s%s %s%s\n", luaName(a.name), question(a.optional), stubTypes[a.kind], described(a.doc))
	}
	returns := v.stubReturn()
	if v.takesOptions() {
		names = append(names, "options")
		fmt.Fprintf(b, "---@param options? %s\n", class)
	}
	if v.many {
		names = append(names, "...")
		b.WriteString("---@param ... any\n")
	}
	if returns != "" {
		fmt.Fprintf(b, "---@return %s\n", returns)
	}
	if v.takesOptions() && len(v.args) > 0 {
		b.WriteString("---@overload fun(" + self(name) + "options: " + class + ")" + strings.TrimSuffix(": "+cmp.Or(firstOf(returns), "nil"), ": nil") + "\n")
	}
	fmt.Fprintf(b, "function %s(%s) end\n", name, strings.Join(names, ", "))
}

func (v *verb) takesOptions() bool { return len(v.options) > 0 || v.open }

// stubOptions declares the class of a verb's options.
func (v *verb) stubOptions(b *strings.Builder, class string) {
	if !v.takesOptions() {
		return
	}
	fmt.Fprintf(b, "\n---@class %s\n", class)
	for i, a := range v.args {
		fmt.Fprintf(b, "---@field [%d]? %s # %s\n", i+1, stubTypes[a.kind], a.name)
	}
	for _, o := range v.options {
		fmt.Fprintf(b, "---@field %s? %s%s\n", o.name, stubTypes[o.kind], described(o.doc))
	}
	if v.open {
		b.WriteString("---@field [string] any\n")
	}
}

// stubReturn is the type of what the verb returns, "" for nothing.
func (v *verb) stubReturn() string {
	if v.returns != "" {
		return "smtplay." + v.returns
	}
	switch claimed := stubReturns[v.fullName()]; claimed {
	case "nil":
		return ""
	default:
		return cmp.Or(claimed, "any")
	}
}

// self is the first parameter of a method in a type of a function.
func self(name string) string {
	if object, _, ok := strings.Cut(name, ":"); ok {
		return "self: smtplay." + object + ", "
	}
	return ""
}

func firstOf(types string) string {
	first, _, _ := strings.Cut(types, ", any ...")
	return first
}

// comment is a text as the documentation of what follows it.
func comment(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("---" + strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

func described(doc string) string {
	if doc == "" {
		return ""
	}
	return " # " + oneLine(doc)
}

func question(optional bool) string {
	if optional {
		return "?"
	}
	return ""
}

// luaName is the name of an argument where a keyword of Lua's cannot stand.
func luaName(name string) string {
	if name == "function" {
		return "body"
	}
	return name
}
