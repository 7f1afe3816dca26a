package dsl

import (
	"encoding/base64"
	"regexp"
	"strings"

	"smtplay/engine/transcript"
)

// notePassword keeps a password that is written out in the script, so that its
// line can be shown.
func (s *Script) notePassword(v *verb, c callSite) {
	args, options := splitArgs(v, c)
	if v.name == "send" {
		if len(args) > 0 {
			s.noteMessage(nodeOfExpr(args[0]).str)
		}
		return
	}
	if len(args) > 2 {
		s.hidden = append(s.hidden, nodeOfExpr(args[2]).str)
	}
	for _, o := range options {
		if o.key == "password" {
			s.hidden = append(s.hidden, nodeOfExpr(o.value).str)
		}
	}
}

var authLine = regexp.MustCompile(`(?i)^auth\s+(\S+)(?:\s+(\S+))?\s*$`)

// noteMessage keeps the password in what is written out of an AUTH exchange: in
// the initial response, or in an answer to a challenge. LOGIN's first answer is
// the user.
func (s *Script) noteMessage(line string) {
	message := line
	if m := authLine.FindStringSubmatch(line); m != nil {
		s.answers = 1
		if strings.EqualFold(m[1], "LOGIN") && m[2] == "" {
			s.answers = 2
		} else if !strings.EqualFold(m[1], "LOGIN") && m[2] != "" {
			s.answers = 0
		}
		if message = m[2]; s.answers > 0 || message == "=" {
			return
		}
	} else if s.answers == 0 {
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

// hide masks the passwords of the script in its problems.
func (s *Script) hide(problems Problems) Problems {
	var r transcript.Redactor
	for _, p := range s.hidden {
		r.AddSeen("password", p)
	}
	for i := range problems {
		p := &problems[i]
		p.Source, p.Msg, p.Hint = r.String(p.Source), r.String(p.Msg), r.String(p.Hint)
	}
	return problems
}

var (
	aboutPasswords = regexp.MustCompile(`(?i)\bauth\b|passw|secret`)
	quoted         = regexp.MustCompile(`"[^"]*"?|'[^']*'?|\[\[.*`)
)

// veil covers the strings of lines that speak of passwords, in a file that
// cannot be parsed, so that nobody knows which of them is one. Columns stay.
func veil(problems Problems) Problems {
	for i := range problems {
		p := &problems[i]
		if !aboutPasswords.MatchString(p.Source) {
			continue
		}
		for _, q := range quoted.FindAllString(p.Source, -1) {
			p.Msg = strings.ReplaceAll(p.Msg, q, "a string")
			p.Hint = strings.ReplaceAll(p.Hint, q, "a string")
		}
		p.Source = quoted.ReplaceAllStringFunc(p.Source, func(q string) string { return strings.Repeat("*", len(q)) })
	}
	return problems
}
