package dsl

import (
	"strings"
	"testing"
)

// Parameters of MAIL and RCPT, by the command that went out.
func TestParameters(t *testing.T) {
	for _, row := range []struct{ reason, options, want string }{
		{"none", `mail("a@b")`, "MAIL FROM:<a@b>"},
		{"all of MAIL, in one order", `mail("a@b", { params = "X=y", prdr = true, mt_priority = -9, holdfor = "1m30s", by = "+120;RT", requiretls = true, auth = "c+d@e", smtputf8 = true, envid = "a=b", ret = "full", body = "BINARYMIME", size = 2 ^ 40 })`,
			"MAIL FROM:<a@b> SIZE=1099511627776 BODY=BINARYMIME RET=full ENVID=a+3Db SMTPUTF8 AUTH=c+2Bd@e REQUIRETLS BY=+120;RT HOLDFOR=90 MT-PRIORITY=-9 PRDR X=y"},
		{"held until a time", `mail("a@b", { holduntil = "2026-12-24T18:00:00+01:00" })`, "MAIL FROM:<a@b> HOLDUNTIL=2026-12-24T18:00:00+01:00"},
		{"notified when late", `mail("a@b", { by = "-1;n" })`, "MAIL FROM:<a@b> BY=-1;n"},
		{"no size is one", `mail("a@b", { size = 0 })`, "MAIL FROM:<a@b> SIZE=0"},
		{"what is false is not there", `mail("a@b", { smtputf8 = false, requiretls = false, prdr = false })`, "MAIL FROM:<a@b>"},
		{"what is empty is not there", `mail("a@b", { ret = "", body = "", envid = "", by = "", params = "" })`, "MAIL FROM:<a@b>"},
		{"but for nobody's AUTH", `mail("a@b", { auth = "" })`, "MAIL FROM:<a@b> AUTH=<>"},
		{"an address outside ASCII, announced", `mail("jürgen@bücher.example", { smtputf8 = true })`, "MAIL FROM:<jürgen@bücher.example> SMTPUTF8"},
		{"and not", `mail("jürgen@bücher.example")`, "MAIL FROM:<jürgen@bücher.example>"},
		{"all of RCPT", `rcpt("a@b", { rrvs = "2026-01-01T00:00:00Z;C", orcpt = "c+d@e", notify = { "SUCCESS", "failure", "DELAY" }, params = "X" })`,
			"RCPT TO:<a@b> NOTIFY=SUCCESS,failure,DELAY ORCPT=rfc822;c+2Bd@e RRVS=2026-01-01T00:00:00Z;C X"},
		{"one notification", `rcpt("a@b", { notify = "NEVER" })`, "RCPT TO:<a@b> NOTIFY=NEVER"},
		{"an original recipient of another type", `rcpt("a@b", { orcpt = "x400;/c=de/" })`, "RCPT TO:<a@b> ORCPT=x400;/c+3Dde/"},
		{"and outside ASCII", `rcpt("a@b", { orcpt = [[utf-8;jürgen+\@x]] })`, `RCPT TO:<a@b> ORCPT=utf-8;j\x{FC}rgen\x{2B}\x{5C}@x`},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			setup := ""
			if strings.HasPrefix(row.options, "rcpt") {
				setup = "mail ''; "
			}
			script := "ehlo(); " + setup + "local r = " + row.options + "; assert(r.command == [[" + row.want + "]], r.command)"
			checkVerdict(t, one(t, polite(nil), script), script)
		})
	}
}

// What no server can be meant to be told: found before anything is sent where it
// is written out, else where the verb is called.
var badParameters = []struct{ verb, option, value, want string }{
	{"mail", "size", "-1", "from 0 to"},
	{"mail", "size", "1.5", "whole number"},
	{"mail", "body", "'8BIT'", `there is no BODY "8BIT"`},
	{"mail", "body", "'8BITMIMI'", `did you mean "8BITMIME"?`},
	{"mail", "ret", "'X'", `there is no RET "X": it is one of FULL, HDRS (params = "X=y" sends any)`},
	{"mail", "envid", "'é'", "printable ASCII"},
	{"mail", "envid", "'" + strings.Repeat("x", 101) + "'", "100 are allowed"},
	{"mail", "by", "'120'", "no time to deliver by"},
	{"mail", "by", "'0;R'", "above 0"},
	{"mail", "holduntil", "'tomorrow'", "is no time"},
	{"mail", "mt_priority", "10", "from -9 to 9"},
	{"rcpt", "notify", "'ALWAYS'", `there is no NOTIFY "ALWAYS"`},
	{"rcpt", "notify", "{ 'SUCCESS', 'NEVER' }", "NEVER stands alone"},
	{"rcpt", "notify", "{ 'SUCCESS', '' }", `there is no NOTIFY ""`},
	{"rcpt", "orcpt", "'a b;c@d'", "no type of address"},
	{"rcpt", "orcpt", "'rfc822;'", "is missing"},
	{"rcpt", "rrvs", "'2026-01-01T00:00:00Z;X'", `action of RRVS "X"`},
}

func TestBadParameters(t *testing.T) {
	for _, row := range badParameters {
		t.Run(row.option+"="+row.value, func(t *testing.T) {
			t.Parallel()
			call := row.verb + "('a@b', { " + row.option + " = "
			if _, problems := Compile("t.lua", []byte("ehlo()\n"+call+row.value+" })")); len(problems) != 1 || problems[0].Pos.Line != 2 || !strings.Contains(problems[0].Msg, row.want) {
				t.Errorf("written out: %v, want %q", problems, row.want)
			}
			script := "ehlo(); if '" + row.verb + "' == 'rcpt' then mail '' end; local v = " + row.value + "\n" + call + "v }) --! error: " + row.want
			r := one(t, polite(nil), script)
			checkVerdict(t, r, script)
			if strings.Contains(transcriptOf(r), strings.ToUpper(row.option)+"=") {
				t.Errorf("it was sent:\n%s", transcriptOf(r))
			}
		})
	}
	for _, script := range []string{
		"ehlo()\nmail('a@b', { holdfor = 60, holduntil = '2026-12-24T18:00:00Z' }) --! error: not both",
		"ehlo()\nmail('a@b', { holdfor = 0.5 }) --! error: whole seconds",
		"ehlo()\nlocal r = 'X'; mail('a@b', { ret = r }) --! error: ret of mail: there is no RET",
		"ehlo()\nmail('a@b\\r\\nrset') --! error: a command is one line",
		"ehlo()\nlocal p = 'X\\r\\nRSET'; mail('a@b', { params = p }) --! error: a command is one line",
	} {
		checkVerdict(t, one(t, polite(nil), script), script)
	}
}
