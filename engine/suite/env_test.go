package suite_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

func TestResolve(t *testing.T) {
	server := suite.Targets{Host: "mail.example.com"}
	for _, tt := range []struct {
		targets suite.Targets
		name    string
		address string
		tls     bool
		why     string
	}{
		{server, "", "mail.example.com:25", false, "the default"},
		{server, "smtp", "mail.example.com:25", false, "by its name"},
		{server, "submission", "mail.example.com:587", false, "RFC 6409"},
		{server, "submissions", "mail.example.com:465", true, "RFC 8314"},
		{server, "smtps", "mail.example.com:465", true, "its other name"},
		{server, "lmtp", "mail.example.com:24", false, "LMTP"},
		{server, "local", "", false, "another name leads nowhere"},
		{server, "SMTP", "", false, "names are as written"},
		{suite.Targets{Host: "h", Port: "2525"}, "smtp", "h:2525", false, "the port belongs to smtp"},
		{suite.Targets{Host: "h", Port: "2525"}, "", "h:2525", false, "which is the default"},
		{suite.Targets{Host: "h", Port: "2525"}, "submission", "h:587", false, "and to no other"},
		{suite.Targets{Host: "2001:db8::1"}, "smtp", "[2001:db8::1]:25", false, "IPv6"},
		{suite.Targets{Host: "[2001:db8::1]", Port: "26"}, "", "[2001:db8::1]:26", false, "IPv6 in brackets"},
		{server, "h:2525", "h:2525", false, "an address"},
		{server, "h:465", "h:465", false, "of which nobody said that it speaks TLS"},
		{server, "unix:/run/lmtp", "unix:/run/lmtp", false, "a socket"},
		{server, "[2001:db8::1]:26", "[2001:db8::1]:26", false, "an IPv6 address"},
		{server, "[2001:db8::1]", "[2001:db8::1]:25", false, "without a port"},
		{server, "::1", "[::1]:25", false, "and without brackets"},
		{server, "h:", "h:25", false, "a colon and no port"},
		{suite.Targets{}, "smtp", "", false, "no server"},
		{suite.Targets{}, "127.0.0.1:25", "127.0.0.1:25", false, "an address needs none"},
		{named("submission", "h"), "submission", "h:587", false, "a name keeps its port"},
		{named("submission", "h:1"), "submission", "h:1", false, "unless one is given"},
		{named("submission", "::1"), "submission", "[::1]:587", false, "IPv6"},
		{named("submission", "[::1]:1"), "submission", "[::1]:1", false, "IPv6 and port"},
		{named("submissions", "h"), "submissions", "h:465", true, "TLS stays"},
		{named("submissions", "h"), "smtps", "h:465", true, "under its other name"},
		{named("smtps", "h:1"), "submissions", "h:1", true, "and the other way round"},
		{named("smtps", "h:1"), "smtps", "h:1", true, "and itself"},
		{named("lmtp", "unix:/run/lmtp"), "lmtp", "unix:/run/lmtp", false, "a socket has no port"},
		{named("local", "h"), "local", "h:25", false, "a name of the user's own"},
		{named("local", "h"), "smtp", "", false, "does not lend to the others"},
		{named("smtp", "h"), "", "h:25", false, "the default pointed elsewhere"},
		{suite.Targets{Host: "a", Port: "1", Named: map[string]string{"smtp": "b"}}, "smtp", "b:25", false, "the port belongs to the server"},
		{suite.Targets{Host: "a", Named: map[string]string{"smtps": "b", "submissions": "c"}}, "smtps", "b:465", true, "each its own where both are given"},
	} {
		address, tls, err := tt.targets.Resolve(tt.name)
		if address != tt.address || tls != tt.tls && err == nil || (err != nil) != (tt.address == "") {
			t.Errorf("%q of %+v: got %q, %v, %v, want %q, %v (%s)", tt.name, tt.targets, address, tls, err, tt.address, tt.tls, tt.why)
		}
	}
}

func named(name, address string) suite.Targets {
	return suite.Targets{Named: map[string]string{name: address}}
}

func TestUnknownTargets(t *testing.T) {
	for _, tt := range []struct {
		targets suite.Targets
		want    string
		bare    bool
		why     string
	}{
		{suite.Targets{}, "no server was named", true, "nothing was named"},
		{named("local", "h"), "known are local", false, "only a name"},
		{suite.Targets{Host: "h", Named: map[string]string{"b": "x"}}, "known are b, lmtp, smtp, submission, submissions", false, "all that there are"},
	} {
		_, _, err := tt.targets.Resolve("other")
		var unknown *suite.UnknownTargetError
		if !errors.As(err, &unknown) || unknown.Name != "other" || unknown.Bare != tt.bare || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q (%s)", err, tt.want, tt.why)
		}
		if !slices.Equal(unknown.Known, tt.targets.Names()) {
			t.Errorf("%q, and %q (%s)", unknown.Known, tt.targets.Names(), tt.why)
		}
	}
}

func TestCountsAndWords(t *testing.T) {
	var n suite.Counts
	for _, o := range []suite.Outcome{suite.Passed, suite.Failed, suite.Skipped, suite.Errored, 0} {
		n.Add(o)
	}
	if n != (suite.Counts{Passed: 1, Failed: 1, Skipped: 1, Errored: 2}) {
		t.Errorf("%+v", n)
	}
	if got := suite.Outcome(0).String(); got != "not run" {
		t.Error(got)
	}
	f := &suite.Failure{Pos: transcript.Pos{File: "a.lua", Line: 3}, What: "no"}
	if f.Error() != "a.lua:3: no" || (&suite.Failure{What: "no"}).Error() != "no" {
		t.Error(f.Error())
	}
	s := of(byName)
	if a, b := (suite.Test{Script: s, Name: "a.lua"}).String(), (suite.Test{Script: s, Name: "t"}).String(); a != "a.lua" || b != "a.lua: t" {
		t.Error(a, b)
	}
}
