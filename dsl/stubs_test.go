package dsl

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/gopher-lua/parse"
)

// stubs.lua is what the registry says, for who reads what editors get.
func TestStubsGolden(t *testing.T) {
	file := filepath.Join("testdata", "stubs.lua")
	if *update {
		if err := os.WriteFile(file, []byte(Stubs()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != Stubs() {
		t.Fatalf("%s is stale: make golden (%v)", file, err)
	}
}

// Every word of the language is declared, with its doc, and nothing twice.
func TestStubsHoldEverything(t *testing.T) {
	stubs := Stubs()
	if !strings.HasPrefix(stubs, "---@meta smtplay\n") {
		t.Error("they do not begin with ---@meta")
	}
	all := slices.Clone(verbs)
	for _, o := range objects {
		all = append(all, o.methods...)
		class := between(stubs, "---@class smtplay."+o.name+"\n", "local "+o.name+" = {}")
		for _, f := range o.fields {
			if !strings.Contains(class, "---@field "+f.name+" ") {
				t.Errorf("%s.%s is not declared", o.name, f.name)
			}
		}
		if class == "" && len(o.fields) > 0 || !strings.Contains(stubs, comment(o.doc)) {
			t.Errorf("%s is not declared", o.name)
		}
	}
	for _, v := range all {
		if !strings.Contains(stubs, oneLine(v.doc)) {
			t.Errorf("%s has no doc", v.fullName())
		}
		if !slices.Contains(ownDeclarations, v.name) && !strings.Contains(stubs, "\nfunction "+v.fullName()+"(") {
			t.Errorf("%s is not declared", v.fullName())
		}
		if v.of == nil && !v.global && !strings.Contains(stubs, "\nfunction conversation:"+v.name+"(") {
			t.Errorf("the method %s is not declared", v.name)
		}
		class := between(stubs, "---@class smtplay."+strings.ReplaceAll(v.fullName(), ":", ".")+".options\n", "\n\n")
		for _, o := range v.options {
			if !strings.Contains(class, "---@field "+o.name+"? "+stubTypes[o.kind]) {
				t.Errorf("the option %s of %s is not declared", o.name, v.fullName())
			}
		}
	}
	for _, field := range replyFields {
		if !regexp.MustCompile(`(?m)^---@field ` + field + `\?? `).MatchString(between(stubs, "---@class smtplay.reply\n", "\n\n")) {
			t.Errorf("the field %s of replies is not declared", field)
		}
	}
	once := map[string]bool{}
	for _, declared := range regexp.MustCompile(`(?m)^(function [^(]+|---@class \S+|---@alias \S+)`).FindAllString(stubs, -1) {
		if once[declared] {
			t.Errorf("%s stands there twice", declared)
		}
		once[declared] = true
	}
	for _, named := range regexp.MustCompile(`smtplay\.[a-z_0-9.]*[a-z0-9]`).FindAllString(stubs, -1) {
		if !once["---@class "+named] && !once["---@alias "+named] {
			t.Errorf("%s is declared nowhere", named)
		}
	}
}

// Whatever the registry may hold has a type, and what is said of a return is said
// of a verb.
func TestStubTypes(t *testing.T) {
	for k := range kindWords {
		if stubTypes[k] == "" {
			t.Errorf("kind %d (%s) has no type for editors", k, kindWords[k])
		}
	}
	for name := range stubReturns {
		if !strings.Contains(Stubs(), "\nfunction "+name+"(") {
			t.Errorf("%s returns something, and is no verb", name)
		}
	}
}

func TestStubsAreLua(t *testing.T) {
	if _, err := parse.Parse(strings.NewReader(Stubs()), "stubs.lua"); err != nil {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "stubs.lua")
	if err := os.WriteFile(path, []byte(Stubs()), 0o644); err != nil {
		t.Fatal(err)
	}
	runLua51(t, "lua5.1", path)
}

// between is the part of a text from begin to end, "" where it lacks one.
func between(text, begin, end string) string {
	_, rest, ok := strings.Cut(text, begin)
	inside, _, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return ""
	}
	return inside
}
