package dsl

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the registry says into the README")

// The table of the README is made from the registry.
func TestReadmeTable(t *testing.T) {
	const file, begin, end = "../README.md", "<!-- verbs: made by make golden -->\n", "<!-- end of verbs -->"
	readme, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(readme), begin)
	table, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the README has no place for the table of verbs")
	}
	if table == Table() {
		return
	}
	if !*update {
		t.Fatal("the README's table of verbs is stale: make golden")
	}
	if err := os.WriteFile(file, []byte(before+begin+Table()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Whatever a script can call is documented, down to its options.
func TestReference(t *testing.T) {
	all := slices.Clone(verbs)
	for _, o := range objects {
		if doc, err := Docs(o.name); o.doc == "" || err != nil || !strings.Contains(doc, o.reference()) || !strings.Contains(Reference(), o.reference()) {
			t.Errorf("%s is not in the reference: %v", o.name, err)
		}
		for _, f := range o.fields {
			if doc, err := Docs(o.name + "." + f.name); err != nil || doc != o.reference() {
				t.Errorf("%s.%s leads to %q, %v", o.name, f.name, doc, err)
			}
		}
		for _, f := range o.fields {
			if f.doc == "" || f.kind == "" || f.get == nil {
				t.Errorf("the field %s of %s has no doc, no kind or no value", f.name, o.name)
			}
		}
		all = append(all, o.methods...)
	}
	for _, v := range all {
		if objectNamed[v.returns] == nil && v.returns != "" {
			t.Errorf("%s returns %q, which no object is called", v.name, v.returns)
		}
		if v.doc == "" || v.run == nil {
			t.Errorf("%s has no doc, or does nothing", v.name)
		}
		for _, o := range v.options {
			if o.doc == "" && o.name != "expect" {
				t.Errorf("the option %s of %s has no doc", o.name, v.name)
			}
		}
		if doc, err := Docs(v.fullName()); err != nil || !strings.Contains(doc, v.reference()) || !strings.Contains(Reference(), v.reference()) {
			t.Errorf("%s is not in the reference: %v", v.name, err)
		}
	}
	var fields []string
	for _, f := range replyDocs.fields {
		fields = append(fields, f.name)
	}
	if !slices.Equal(fields, replyFields) {
		t.Errorf("the reference has the fields %v of a reply, which has %v", fields, replyFields)
	}
	if _, err := Docs("expct"); err == nil || !strings.Contains(err.Error(), `"expect"`) {
		t.Errorf("an unknown name: %v", err)
	}
}
