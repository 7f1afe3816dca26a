package dsl

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed reference.md
var introduction string

// Reference is the language as people read it, in Markdown: the rules, then
// every verb by chapter, and the table of features.
func Reference() string {
	var b strings.Builder
	b.WriteString(introduction)
	for i, title := range chapterTitles {
		fmt.Fprintf(&b, "\n## %s\n", title)
		for _, v := range verbs {
			if v.chapter == chapter(i) {
				b.WriteString("\n" + v.reference())
			}
		}
	}
	b.WriteString("\n## What verbs return\n")
	for _, o := range documentedObjects() {
		b.WriteString("\n" + o.reference())
	}
	b.WriteString("\n" + FeatureTable())
	return b.String()
}

// featuresName is the name of the table of features.
const featuresName = "features"

// UnknownNameError says that nothing has a name; Near is the one that was probably
// meant, "" for none.
type UnknownNameError struct{ Name, Near string }

func (e *UnknownNameError) Error() string {
	if e.Near == "" {
		return fmt.Sprintf("nothing is called %q", e.Name)
	}
	return fmt.Sprintf("nothing is called %q: did you mean %q?", e.Name, e.Near)
}

// Docs is what the reference says of a name: of the verb and of the object that are
// called so, of a method or field (listener:take, reply.code, take), of the verbs of
// a table (base64), of a subject of the introduction (patterns); the table of features,
// or all of it for "". Unknown names are an UnknownNameError.
func Docs(name string) (string, error) {
	lower := strings.ToLower(name)
	switch {
	case name == "":
		return Reference(), nil
	case lower == featuresName:
		return FeatureTable(), nil
	}
	for _, parts := range []func(string) []string{named, qualified, methodsNamed, subjects} {
		if found := parts(lower); len(found) > 0 {
			return strings.Join(found, "\n"), nil
		}
	}
	return "", &UnknownNameError{Name: name, Near: nearest(name, DocNames())}
}

// named are the parts about what is called so: a verb and what it returns may have
// one name.
func named(name string) (parts []string) {
	for _, v := range verbs {
		if table, _, _ := strings.Cut(v.name, "."); v.name == name || table == name {
			parts = append(parts, v.reference())
		}
	}
	for _, o := range documentedObjects() {
		if o.name == name {
			parts = append(parts, o.reference())
		}
	}
	return parts
}

// qualified is the part about a method or field, written as in a script.
func qualified(name string) []string {
	i := strings.LastIndexAny(name, ".:")
	if i < 0 {
		return nil
	}
	of, name := name[:i], name[i+1:]
	for _, o := range documentedObjects() {
		if o.name != of {
			continue
		}
		if v := o.method(name); v != nil {
			return []string{v.reference()}
		}
		if slices.ContainsFunc(o.fields, func(f objectField) bool { return f.name == name }) {
			return []string{o.reference()}
		}
	}
	// Prose tells of the fields of other values, and options are in a table.
	if v := verbNamed[of]; v != nil && slices.Contains(strings.FieldsFunc(v.reference(), notInName), name) {
		return []string{v.reference()}
	}
	return nil
}

func notInName(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// methodsNamed are the parts about the methods that are called so.
func methodsNamed(name string) (parts []string) {
	for _, o := range objects {
		if v := o.method(name); v != nil {
			parts = append(parts, v.reference())
		}
	}
	return parts
}

// subjects are the sections of the introduction that have the word in their title,
// be it one or several.
func subjects(name string) (parts []string) {
	one := func(s string) string { return strings.TrimSuffix(strings.ToLower(s), "s") }
	for section := range strings.SplitSeq(introduction, "\n## ") {
		title, _, _ := strings.Cut(section, "\n")
		if !strings.HasPrefix(title, "# ") && slices.ContainsFunc(strings.Fields(title), func(w string) bool { return len(w) > 3 && one(w) == one(name) }) {
			parts = append(parts, "## "+strings.TrimRight(section, "\n")+"\n")
		}
	}
	return parts
}

// documentedObjects are the objects, and replies, which are made in another way.
func documentedObjects() []*object { return append([]*object{replyDocs}, objects...) }

// replyDocs is what the reference says of replies.
var replyDocs = &object{name: "reply", doc: "What expect, reply and the verbs that read a reply return.", fields: []objectField{
	{name: "code", kind: "number", doc: "such as 250"},
	{name: "enhanced", kind: "string", doc: "the enhanced status code, such as 5.7.1; nil without one"},
	{name: "text", kind: "string", doc: `its lines without codes and enhanced status codes, joined by "\n"`},
	{name: "lines", kind: "list", doc: "the same, line by line"},
	{name: "raw", kind: "string", doc: "its bytes as they came"},
	{name: "command", kind: "string", doc: "what it answers; nil of a greeting"},
	{name: "seconds", kind: "number", doc: "from the last byte sent to its last byte read"},
	{name: "captures", kind: "table", doc: "the groups of match, by number and by name"},
	{name: "challenge", kind: "string", doc: "what a 334 says, decoded; nil of others"},
	{name: "queue_id", kind: "string", doc: "under which name the server queued the message that this reply accepts; nil of others"},
}}

// DocNames are the names that Docs knows, in order.
func DocNames() []string {
	names := []string{featuresName}
	for _, v := range verbs {
		names = append(names, v.name)
	}
	for _, o := range objects {
		names = append(names, o.name)
	}
	slices.Sort(names)
	return names
}

// Table lists the verbs of every chapter with the first sentence on each, in
// Markdown.
func Table() string {
	var b strings.Builder
	b.WriteString("| verb | what it does |\n|---|---|\n")
	for i := range chapterTitles {
		for _, v := range verbs {
			if v.chapter == chapter(i) {
				b.WriteString(v.row())
			}
		}
	}
	for _, o := range objects {
		for _, v := range o.methods {
			b.WriteString(v.row())
		}
	}
	return b.String()
}

// row is the verb's row in the table of all.
func (v *verb) row() string {
	first, _, _ := strings.Cut(v.doc, ". ")
	return fmt.Sprintf("| `%s` | %s |\n", v.signature(), cell(strings.TrimSuffix(first, ".")))
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// reference is the verb's part of the reference.
func (v *verb) reference() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### `%s`\n\n%s\n", v.signature(), v.doc)
	if v.example != "" {
		fmt.Fprintf(&b, "\n    %s\n", v.example)
	}
	rows := slices.Concat(v.args, v.options)
	if !slices.ContainsFunc(rows, func(p param) bool { return p.doc != "" }) && len(v.options) == 0 {
		return b.String()
	}
	b.WriteString("\n| | | |\n|---|---|---|\n")
	for _, p := range rows {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.name, kindWords[p.kind], cell(p.doc))
	}
	return b.String()
}
