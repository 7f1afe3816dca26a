package main

import (
	"slices"
	"strings"
	"testing"

	"smtplay/engine/transcript"
)

// What is typed of an AUTH is a password where it is one, and has a name of its
// own: a wrong one and a right one are not the same secret.
func TestWatch(t *testing.T) {
	plain := func(password string) string { return b64("\x00james\x00" + password) }
	for _, row := range []struct {
		name  string
		lines []string
		want  []string // the passwords, by their names in order: password, password2, …
	}{
		{"PLAIN at once", []string{"EHLO x", "AUTH PLAIN " + plain("hunter22")}, []string{"hunter22"}},
		{"PLAIN after a 334", []string{"auth plain", plain("hunter22")}, []string{"hunter22"}},
		{"wrong, then right", []string{"AUTH PLAIN " + plain("hunter22"), "AUTH PLAIN " + plain("yourpassword")}, []string{"hunter22", "yourpassword"}},
		{"the same twice", []string{"AUTH PLAIN " + plain("hunter22"), "AUTH PLAIN " + plain("hunter22")}, []string{"hunter22"}},
		{"LOGIN, the user is none", []string{"AUTH LOGIN", b64("james.smith"), b64("hunter22")}, []string{"hunter22"}},
		{"LOGIN with the user at once", []string{"AUTH LOGIN " + b64("james.smith"), b64("hunter22")}, []string{"hunter22"}},
		{"LOGIN in clear, a slip", []string{"AUTH LOGIN", "james.smith", "hunter-22"}, []string{"hunter-22"}},
		{"a token", []string{"AUTH XOAUTH2 " + b64("user=x\x01auth=Bearer 4711")}, []string{"user=x\x01auth=Bearer 4711"}},
		{"given up", []string{"AUTH PLAIN", "*"}, nil},
		{"an empty message", []string{"AUTH PLAIN ="}, nil},
		{"a command ends it", []string{"AUTH PLAIN", "NOOP", plain("hunter22")}, nil},
		{"so does what has two words", []string{"AUTH LOGIN", b64("james"), "MAIL FROM:<a@b.c>", b64("hunter22")}, nil},
		{"too short to be looked for", []string{"AUTH PLAIN " + plain("abc")}, nil},
		{"no mechanism", []string{"AUTH", "hunter22"}, nil},
		{"no AUTH", []string{b64("hunter22"), "VRFY hunter22"}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := &passwords{redact: &transcript.Redactor{}}
			for _, line := range row.lines {
				p.watch(line)
			}
			for i, password := range row.want {
				want := []string{"password", "password2"}[i]
				if got := p.redact.NameOf(password); got != want {
					t.Errorf("%q is called %q, want %q", password, got, want)
				}
			}
			if len(p.named) != len(row.want) {
				t.Errorf("named %q, want %d", p.named, len(row.want))
			}
		})
	}
}

// A name that the command line gave is not given again.
func TestLearnDeclared(t *testing.T) {
	p := &passwords{redact: &transcript.Redactor{}, declared: map[string]string{"password": "declared"}}
	p.redact.Add("password", "declared")
	if p.learn("declared") || !p.learn("typed") || p.redact.NameOf("typed") != "password2" {
		t.Errorf("typed is called %q, named %q", p.redact.NameOf("typed"), p.named)
	}
	for _, row := range []struct {
		declared map[string]string
		name     string
	}{
		{map[string]string{"password": "x", "other": "y"}, "password"},
		{map[string]string{"other": "y"}, "other"},
		{map[string]string{"one": "x", "other": "y"}, ""},
		{nil, ""},
	} {
		p := &passwords{declared: row.declared}
		if name, value := p.given(); name != row.name || value != row.declared[name] {
			t.Errorf("%v: %q, %q", row.declared, name, value)
		}
	}
}

// No line makes it stumble, and what it learned it hides.
func FuzzWatch(f *testing.F) {
	for _, lines := range []string{"AUTH PLAIN AGphbWVzAGh1bnRlcjIy", "AUTH LOGIN\namFtZXM=\naHVudGVyMjI=", "auth\n=\n*", " AUTH\tX  y", "AUTH PLAIN AAAA\nAAAA"} {
		f.Add(lines)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		p := &passwords{redact: &transcript.Redactor{}}
		for line := range strings.Lines(lines) {
			line = strings.TrimRight(line, "\r\n")
			before := slices.Clone(p.named)
			secret, fresh := p.watch(line)
			if fresh && !secret || fresh != (len(p.named) > len(before)) {
				t.Fatalf("%q: secret %v, fresh %v, named %q", line, secret, fresh, p.named)
			}
			if fresh && p.redact.String(line) == line {
				t.Fatalf("%q is shown as it is", line)
			}
		}
	})
}
