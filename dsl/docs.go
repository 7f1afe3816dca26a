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
	if len(objects) > 0 {
		b.WriteString("\n## What verbs return\n")
	}
	for _, o := range objects {
		b.WriteString("\n" + o.reference())
	}
	b.WriteString("\n" + FeatureTable())
	return b.String()
}

// featuresName is the name of the table of features.
const featuresName = "features"

// Docs is the part of the reference of that name: a verb's, an object's, the
// table of features, or all of it for "".
// Unknown names are an error that names the nearest.
func Docs(name string) (string, error) {
	if name == "" {
		return Reference(), nil
	}
	if strings.EqualFold(name, featuresName) {
		return FeatureTable(), nil
	}
	if v := verbNamed[strings.ToLower(name)]; v != nil {
		return v.reference(), nil
	}
	if o := objectNamed[strings.ToLower(name)]; o != nil {
		return o.reference(), nil
	}
	if near := nearest(name, DocNames()); near != "" {
		return "", fmt.Errorf("nothing is called %q: did you mean %q?", name, near)
	}
	return "", fmt.Errorf("nothing is called %q", name)
}

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
