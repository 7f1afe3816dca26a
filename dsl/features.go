package dsl

import (
	"fmt"
	"strings"
)

// software is what a feature was seen to work against.
type software uint8

const (
	ownPeer software = iota // engine/server, which does what no packaged server does
	demoServer
	goSMTP
	realPostfix
	realExim
	realOpenSMTPD
	realChasquid
	realDovecot
	openSSH // the host between, not the server
	ownSSH
)

// String is the name in the table.
func (s software) String() string {
	return [...]string{"smtplay's own peer", "the demo server", "go-smtp", "Postfix", "Exim", "OpenSMTPD", "chasquid", "Dovecot", "OpenSSH", "smtplay's own SSH host"}[s]
}

// sighting is a test that saw a feature work against a server: its package's
// folder and its name. The server is that of the test, or the one that it talks to.
type sighting struct {
	server software
	test   string // "engine.TestAuth"
}

// feature is a corner of SMTP that a script can say in a line.
type feature struct {
	name    string
	line    string // of Lua, or flags of run
	word    string // stands, in any case, in each test that saw it, or in the runbook
	seen    []sighting
	runbook string // in scripts/, "" where no administrator would want one
}

// featureGroup is a chapter of the table.
type featureGroup struct {
	title    string
	features []feature
}

// featureIntroduction stands above the table.
const featureIntroduction = `Each feature in a line, the servers that a test saw it work against, and the
runbook, if there is one. "smtplay's own peer" is a server of its tests, there
for what no packaged server has.
`

// FeatureTable is every feature, the servers that it was seen to work against,
// and its runbook, in Markdown.
func FeatureTable() string {
	var b strings.Builder
	b.WriteString("## Features\n\n" + featureIntroduction)
	for _, g := range featureGroups {
		fmt.Fprintf(&b, "\n### %s\n\n| feature | in a line | seen to work against | runbook |\n|---|---|---|---|\n", g.title)
		for _, f := range g.features {
			runbook := ""
			if f.runbook != "" {
				runbook = "`" + f.runbook + "`"
			}
			fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", cell(f.name), cell(f.line), f.servers(), runbook)
		}
	}
	return b.String()
}

// servers are those that the feature was seen with, each once.
func (f *feature) servers() string {
	var names []string
	for i, s := range f.seen {
		if i == 0 || s.server != f.seen[i-1].server {
			names = append(names, s.server.String())
		}
	}
	return strings.Join(names, ", ")
}
