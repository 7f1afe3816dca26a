package dsl

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/yuin/gopher-lua/ast"

	"smtplay/engine"
	"smtplay/engine/transcript"
)

// notePasswords keeps what is written out of a password in a call, a method's
// included, so that its line can be shown. Whose method it is does not matter:
// too much hidden is better than too little.
func (s *Script) notePasswords(m *module, c callSite) {
	switch {
	case c.name == "secret":
		for i := 1; i < len(c.args); i++ { // its value does not belong there, but is one
			s.notePassword(m, c.args[i])
		}
	case isAuth(c):
		args, options := splitArgs(verbNamed["auth"], c)
		if len(args) > 2 {
			s.notePassword(m, args[2])
		}
		for _, o := range options {
			// A slip in the option's name makes its value no less of a secret.
			if _, known := verbNamed["auth"].option(o.key); o.key == "password" || o.key == "token" || !known {
				s.notePassword(m, o.value)
			}
		}
	case slices.Contains([]string{"send", "raw", "pipeline"}, c.name):
		args, _ := splitArgs(verbNamed["send"], c)
		for _, a := range args {
			if _, written := literal(a); !written {
				s.noteMessage("") // an answer all the same
			}
			for line := range strings.Lines(nodeOfExpr(a).str) {
				s.noteMessage(strings.TrimRight(line, "\r\n"))
			}
		}
	}
}

// isAuth says that a call is one of auth, or a slip of somebody who meant it:
// the name is nearly auth's, or a mechanism comes first.
func isAuth(c callSite) bool {
	if nearest(c.name, []string{"auth"}) != "" || c.name == "auth" {
		return true
	}
	if len(c.args) == 0 {
		return false
	}
	_, mechanism := engine.MechanismNamed(strings.ToUpper(nodeOfExpr(c.args[0]).str))
	return mechanism
}

// shortest is the length from which on a string is taken for the password that a
// variable holds: a shorter one would blot out half of what is shown.
const shortest = 4

// notePassword keeps a password that is written out where it is used, or where
// what it is called is assigned.
func (s *Script) notePassword(m *module, e ast.Expr) {
	s.hidden = append(s.hidden, nodeOfExpr(e).str)
	for _, assigned := range m.facts.strings[lastName(e)] {
		if len(assigned) >= shortest {
			s.hidden = append(s.hidden, assigned)
		}
	}
}

// noAnswer is what ends an exchange, by whatever the server said: it may look
// like base64.
var noAnswer = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)^(\*|quit|rset|noop|data|help|starttls)$`) })

var authLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)^auth\s+(\S+)(?:\s+(\S+))?\s*$`) })

// noteMessage keeps the password in what is written out of an AUTH exchange: in
// the initial response, or in an answer to a challenge. LOGIN's first answer is
// the user.
func (s *Script) noteMessage(line string) {
	message := line
	if m := authLine().FindStringSubmatch(line); m != nil {
		s.answers = 1
		if strings.EqualFold(m[1], "LOGIN") && m[2] == "" {
			s.answers = 2
		} else if !strings.EqualFold(m[1], "LOGIN") && m[2] != "" {
			s.answers = 0
		}
		if message = m[2]; s.answers > 0 || message == "=" {
			return
		}
	} else if s.answers == 0 || noAnswer().MatchString(line) {
		s.answers = 0
		return
	} else if s.answers--; s.answers > 0 {
		return
	}
	decoded, err := base64.StdEncoding.DecodeString(message)
	if err != nil {
		return
	}
	parts := strings.Split(string(decoded), "\x00")
	s.hidden = append(s.hidden, parts[len(parts)-1])
}

// written knows the passwords that are written out in the script.
func (s *Script) written() *transcript.Redactor {
	r := &transcript.Redactor{}
	for _, p := range s.hidden {
		r.AddSeen("password", p)
	}
	return r
}

// hide masks the passwords of the script in its problems.
func (s *Script) hide(problems Problems) Problems {
	r := s.written()
	for i := range problems {
		p := &problems[i]
		p.Source, p.Msg, p.Hint = r.String(p.Source), r.String(p.Msg), r.String(p.Hint)
	}
	return problems
}

var (
	aboutPasswords = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\bauth\b|passw|secret`) })
	quoted         = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"[^"]*"?|'[^']*'?|\[\[.*`) })
)

// veil covers the strings of lines that speak of passwords, in a file that
// cannot be parsed, so that nobody knows which of them is one. Columns stay.
func veil(problems Problems) Problems {
	for i := range problems {
		p := &problems[i]
		if !aboutPasswords().MatchString(p.Source) {
			continue
		}
		for _, q := range quoted().FindAllString(p.Source, -1) {
			p.Msg = strings.ReplaceAll(p.Msg, q, "a string")
			p.Hint = strings.ReplaceAll(p.Hint, q, "a string")
		}
		p.Source = quoted().ReplaceAllStringFunc(p.Source, func(q string) string { return strings.Repeat("*", len(q)) })
	}
	return problems
}
