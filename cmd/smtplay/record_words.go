package main

import (
	"slices"
	"strings"

	"smtplay/engine"
	"smtplay/engine/wire"
)

// commands are what may be sent, as far as it is the same everywhere. A blank
// at the end says that more follows.
var commands = []string{"EHLO ", "HELO ", "LHLO ", "MAIL FROM:<", "RCPT TO:<", "DATA", "RSET", "NOOP", "QUIT", "VRFY ", "EXPN ", "HELP", "STARTTLS", "AUTH "}

// isCommand says whether a word is the verb of a command that is known.
func isCommand(word string) bool {
	verb := wire.Verb(word)
	return slices.Contains([]string{"ETRN", "BDAT", "XCLIENT", "XFORWARD"}, verb) ||
		slices.ContainsFunc(commands, func(c string) bool { return wire.Verb(c) == verb })
}

// parameters are those of MAIL and RCPT, with the keyword that offers each.
var parameters = []struct{ verb, keyword, text string }{
	{"MAIL", "SIZE", "SIZE="}, {"MAIL", "8BITMIME", "BODY=8BITMIME"}, {"MAIL", "SMTPUTF8", "SMTPUTF8"},
	{"MAIL", "REQUIRETLS", "REQUIRETLS"}, {"MAIL", "DSN", "RET="}, {"MAIL", "DSN", "ENVID="},
	{"RCPT", "DSN", "NOTIFY="}, {"RCPT", "DSN", "ORCPT="},
}

// vocabulary are the lines that may be meant here: commands, the mechanisms and
// extensions that the server offers, and slash commands.
func vocabulary(caps *wire.Capabilities, helo string) []string {
	words := slices.Clone(commands)
	for _, verb := range []string{"EHLO ", "HELO ", "LHLO "} {
		words = append(words, verb+helo)
	}
	for _, m := range mechanisms(caps) {
		words = append(words, "AUTH "+m, "/auth "+m+" ")
	}
	for _, s := range slashes() {
		word := "/" + s.name
		if s.operands != "" {
			word += " "
		}
		words = append(words, word)
	}
	if caps == nil {
		return words
	}
	for _, extra := range []string{"XCLIENT", "ETRN"} {
		if caps.Offers(extra, "") {
			words = append(words, extra+" ")
		}
	}
	for _, p := range parameters {
		if caps.Offers(p.keyword, "") {
			words = append(words, p.verb+" … "+p.text)
		}
	}
	return words
}

// mechanisms are those that are offered; where nothing is known, those that
// smtplay has.
func mechanisms(caps *wire.Capabilities) []string {
	if caps != nil {
		offered, _ := caps.Params("AUTH")
		return offered
	}
	var known []string
	for _, m := range engine.Mechanisms {
		known = append(known, m.Name)
	}
	return known
}

// completed is the line as far as it can only be meant, and what may come next
// where that is more than one thing. What begins in small letters goes on in
// small letters.
func completed(line string, words []string) (begun string, several []string) {
	var fits []string
	for _, word := range words {
		// The parameters of a command come behind whatever was typed of it.
		if verb, parameter, ok := strings.Cut(word, " … "); ok {
			at := strings.LastIndexByte(line, ' ') + 1
			if wire.Verb(line) != verb || !strings.Contains(line[:at], ">") {
				continue
			}
			word = line[:at] + parameter
		}
		if len(word) <= len(line) || !strings.EqualFold(word[:len(line)], line) {
			continue
		}
		rest := word[len(line):]
		if line != "" && line == strings.ToLower(line) {
			rest = strings.ToLower(rest)
		}
		word = line + rest
		// What goes on from another word is not asked for yet.
		if !slices.ContainsFunc(fits, func(f string) bool { return strings.HasPrefix(word, f) }) {
			fits = append(fits, word)
		}
	}
	if len(fits) == 0 {
		return line, nil
	}
	begun = fits[0]
	for _, f := range fits[1:] {
		for !strings.HasPrefix(f, begun) {
			begun = begun[:len(begun)-1]
		}
	}
	if len(fits) == 1 || begun != line {
		return begun, nil
	}
	at := strings.LastIndexByte(line, ' ') + 1
	for _, f := range fits {
		several = append(several, strings.TrimSpace(f[at:]))
	}
	return begun, several
}
