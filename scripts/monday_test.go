package scripts_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"smtplay/dsl"
	"smtplay/engine/lab"
	"smtplay/engine/lab/dovecot"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/lab/opendkim"
	"smtplay/engine/lab/postsrsd"
	"smtplay/engine/resolver/resolvertest"
	"smtplay/engine/suite"
)

// monday is a script that a postmaster would write, below testdata/monday, and
// the server for which it passes; and servers for which it fails, on which line.
type monday struct {
	script string
	edit   func(*lab.Options)
	vars   []string
	wrong  []wrong
}

// wrong is an edit on top of that of the sound server, and the failure.
type wrong struct {
	reason string
	edit   func(*lab.Options)
	line   string // text of the line that is blamed
	says   string // in what the failure says, wants or got
}

func nothing(*lab.Options) {}

// today speaks no TLS 1.1, which Postfix 3.7 by itself does.
var today = both(setting("smtpd_tls_protocols", ">=TLSv1.2"), setting("smtpd_tls_mandatory_protocols", ">=TLSv1.2"))

// mondayScripts are those that can be played today.
var mondayScripts = []monday{
	{script: "relay", edit: nothing, wrong: []wrong{
		{"strangers relay", at("xclient", "mynetworks=203.0.113.0/24"), "expect_refusal{ from = \"\", to = to, expect = denied }", "nothing was refused"},
		{"relaying is refused for now only", setting("smtpd_relay_restrictions", "permit_sasl_authenticated, defer_unauth_destination"), "to = to, expect = denied", "454 4.7.1"},
		{"nobody's mailbox is anybody's", setting("virtual_mailbox_maps", "static:all/"), `expect = "550 5.1.1" }`, "nothing was refused"},
		{"nobody may write", setting("smtpd_sender_restrictions", "check_sender_access inline:{<>=REJECT}"), `rcpt "<postmaster>"`, "554 5.7.1"},
	}},
	{script: "submission", edit: nothing, wrong: []wrong{
		{"AUTH in clear", at("submission", "smtpd_tls_security_level=may", "smtpd_tls_auth_only=no"), `expect_no_capability "AUTH"`, "AUTH"},
		{"MAIL in clear", at("submission", "smtpd_tls_security_level=may"), `mail(user, { expect = "530 5.7.0" })`, "250 2.1.0"},
		{"open to all", at("submission", open...), "expect_refusal{ from = user", "nothing was refused"},
		{"users may not relay", users("smtpd_relay_restrictions=reject_unauth_destination"), `rcpt "x@example.com"`, "554 5.7.1"},
	}},
	{script: "certificates", edit: today, vars: []string{"certificate_name=" + lab.Hostname}, wrong: []wrong{
		{"a certificate for another name", showing(lab.Certificate{Names: []string{"mail.example.net"}}), "expect_certificate{", "name"},
		{"a certificate that is nearly over", showing(lab.Certificate{NotAfter: time.Now().Add(13 * day)}), "expect_certificate{", "min_days_left"},
		{"the intermediate is missing", showing(lab.Certificate{Issuer: lab.IntermediateMissing}), "expect_certificate{", "chain"},
		{"no TLS on 25", at("smtp", "smtpd_tls_security_level=none"), "starttls()", "502 5.5.1"},
		{"TLS 1.1 is spoken to other servers", setting("smtpd_tls_protocols", ">=TLSv1"), `starttls(old)`, "TLS1.1"},
		{"TLS 1.1 is spoken to users", setting("smtpd_tls_mandatory_protocols", ">=TLSv1"), `if target == "submissions"`, "TLS1.1"},
	}},
	{script: "wrong-password", edit: nothing, wrong: []wrong{
		{"no login at all", at("submission", "smtpd_sasl_auth_enable=no", "smtpd_client_restrictions=", "smtpd_relay_restrictions=reject_unauth_destination"), `expect_capability("AUTH", "PLAIN")`, "AUTH"},
		{"a wrong password is refused for now only", setting("soft_bounce", "yes"), `expect = "535 5.7.8" }`, "435 4.7.8"},
		{"strangers relay", at("submission", "smtpd_client_restrictions=", "mynetworks=127.0.0.0/8", "smtpd_relay_restrictions=permit_mynetworks, reject_unauth_destination"), `expect_refusal{ from = "james`, "nothing was refused"},
	}},
	{script: "sender", edit: owners, vars: []string{"user=" + lab.User}, wrong: []wrong{
		{"users write as anybody", setting("smtpd_sender_restrictions", "reject_unauthenticated_sender_login_mismatch"), `from = "boss@new.example.com"`, "nothing was refused"},
		{"strangers write as james", setting("smtpd_sender_restrictions", "reject_authenticated_sender_login_mismatch"), `expect_refusal{ from = known`, "nothing was refused"},
		{"james is another's", setting("smtpd_sender_login_maps", "inline:{james@new.example.com=boss@new.example.com, boss@new.example.com=boss@new.example.com}"), "mail(known); rcpt(known)", "553 5.7.1"},
	}},
	{script: "size", edit: setting("message_size_limit", "100000"), wrong: []wrong{
		{"the user may not write", users("smtpd_sender_restrictions=reject"), "rcpt(user)", "554 5.7.1"},
	}},
	{script: "smuggling", edit: nothing, wrong: []wrong{
		{"a bare LF is a line end", bare("no"), `expect_silence "3s" end`, "250 2.1.0"},
		{"strangers are spared", setting("smtpd_forbid_bare_newline_exclusions", "203.0.113.0/24"), `expect_silence "3s" end`, "250 2.1.0"},
		{"no TLS", at("smtp", "smtpd_tls_security_level=none"), `raw "STARTTLS`, "502 5.5.1"},
	}},
	{script: "login-by-hand", edit: nothing, wrong: []wrong{
		{"another password", func(o *lab.Options) { o.Users = map[string]string{lab.User: "another one"} }, "send(base64.encode(password))", "535 5.7.8"},
		{"no STARTTLS", at("submission", "smtpd_discard_ehlo_keywords=starttls", "smtpd_tls_security_level=none"), `send "STARTTLS"`, "502"},
		{"users may not relay", users("smtpd_relay_restrictions=reject_unauth_destination"), `send "rcpt to:<james@example.com>"`, "554 5.7.1"},
		{"the message is refused", users("smtpd_end_of_data_restrictions=reject"), `.]]; expect "250 2.0.0 queued as"`, "554 5.7.1"},
	}},
}

func compileMonday(name string) (*dsl.Script, dsl.Problems) {
	const folder = "../testdata/monday"
	return dsl.CompileFS(os.DirFS(folder), name+".lua", folder+"/"+name+".lua")
}

// TestMonday: the scripts as they stand pass for a sound Postfix, and fail, on
// the right line, for one that is not.
func TestMonday(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{})
	for _, m := range mondayScripts {
		script, problems := compileMonday(m.script)
		if len(problems) > 0 {
			t.Errorf("%v", problems)
			continue
		}
		play := func(t *testing.T, edit func(*lab.Options)) []suite.Result {
			s := reconfigured(t, p, edit, nil)
			s.targets = maps.Clone(s.targets)
			s.targets["xclient"] = p.Addr("xclient")
			return s.play(t, []*dsl.Script{script}, m.vars...)
		}
		t.Run(m.script, func(t *testing.T) { wantSound(t, play(t, m.edit)) })
		for _, w := range m.wrong {
			t.Run(m.script+"/"+w.reason, func(t *testing.T) { w.want(t, m.script, play(t, both(m.edit, w.edit))) })
		}
	}
}

// want fails unless a test failed on the line, and none is without a verdict.
func (w wrong) want(t *testing.T, script string, results []suite.Result) {
	t.Helper()
	caught := false
	for _, r := range results {
		if r.Outcome == suite.Errored {
			t.Errorf("no verdict: %s", story(r))
		}
		f := r.Failure
		if r.Outcome != suite.Failed {
			continue
		}
		for _, pos := range append(f.Via, f.Pos) {
			text, err := os.ReadFile(pos.File)
			if err != nil {
				t.Fatal(err)
			}
			line := strings.Split(string(text), "\n")[pos.Line-1]
			caught = caught || strings.Contains(line, w.line) && strings.Contains(f.What+f.Want+f.Got, w.says)
		}
	}
	if !caught {
		t.Errorf("%s: no test failed at %q and said %q", script, w.line, w.says)
		for _, r := range results {
			t.Log(r.Test, r.Outcome, r.Failure)
		}
	}
}

// TestMondayGreylisting: the script comes again twice at once, and then every
// half minute, the first time without a wait.
func TestMondayGreylisting(t *testing.T) {
	t.Parallel()
	script, problems := compileMonday("greylisting")
	if len(problems) > 0 {
		t.Fatalf("%v", problems)
	}
	p := labtest.Private(t, lab.Options{})
	for _, test := range []struct {
		patience int
		wrong    *wrong
	}{
		{2, nil},
		{0, &wrong{line: "try(later); try(later)", says: "250 2.1.5"}},
		{1, &wrong{line: "try(later); try(later)", says: "250 2.1.5"}},
	} {
		s := reconfigured(t, p, setting("smtpd_recipient_restrictions", "check_policy_service inet:"+greylist(t, test.patience)), nil)
		s.targets["xclient"] = p.Addr("xclient")
		results := s.play(t, []*dsl.Script{script})
		if test.wrong == nil {
			wantSound(t, results)
		} else {
			test.wrong.want(t, "greylisting", results)
		}
	}
}

// TestMondayQuota: Dovecot tells the one and keeps the mail for the other.
func TestMondayQuota(t *testing.T) {
	t.Parallel()
	script, problems := compileMonday("quota")
	if len(problems) > 0 {
		t.Fatalf("%v", problems)
	}
	s := site{targets: map[string]string{"lmtp": labtest.Dovecot(t, dovecot.Options{}).Addr("lmtp")}}
	wantSound(t, s.play(t, []*dsl.Script{script}))
	wrong{line: "data(message{ to = fine", says: "552 5.2.2"}.want(t, "quota",
		s.play(t, []*dsl.Script{script}, "known=full@new.example.com", "full=james@new.example.com"))
	wrong{line: "data(message{ to = fine", says: "250 2.0.0"}.want(t, "quota",
		s.play(t, []*dsl.Script{script}, "full=james@new.example.com"))
	wrong{line: "rcpt(fine); rcpt(full)", says: "550 5.1.1"}.want(t, "quota",
		s.play(t, []*dsl.Script{script}, "full=nobody@new.example.com"))
}

// TestMondaySRS: what an alias forwards leaves under our own name, signed and
// encrypted, and its bounce is taken.
func TestMondaySRS(t *testing.T) {
	t.Parallel()
	script, problems := compileMonday("srs")
	if len(problems) > 0 {
		t.Fatalf("%v", problems)
	}
	signer, srs := labtest.OpenDKIM(t, opendkim.Options{}), labtest.PostSRSd(t, postsrsd.Options{})
	dns, _ := resolvertest.Zone(t, signer.Record())
	forward := func(o *lab.Options) {
		maps.Copy(o.MainCF, signer.PostfixSettings())
		maps.Copy(o.MainCF, srs.PostfixSettings())
		o.Aliases = map[string]string{"forward@new.example.com": "fred@example.net"}
	}
	without := func(settings map[string]string) func(*lab.Options) {
		return func(o *lab.Options) {
			for name := range settings {
				delete(o.MainCF, name)
			}
		}
	}
	const demanded, taken = "got:expect{ from", "mx:take{ within"
	for _, row := range []struct {
		reason   string
		edit     func(*lab.Options)
		settings []string
		wrong    *wrong
	}{
		{"sound", nothing, nil, nil},
		{"the sender is not rewritten", without(srs.PostfixSettings()), nil, &wrong{line: demanded, says: "alice@example.org"}},
		{"nothing is signed", without(signer.PostfixSettings()), nil, &wrong{line: demanded, says: "no signature"}},
		{"it leaves in clear", nothing, []string{"smtp_tls_security_level=none"}, &wrong{line: demanded, says: "TLS"}},
		{"there is no alias", func(o *lab.Options) { o.Aliases = nil }, nil, &wrong{line: `rcpt "forward@new.example.com"`, says: "550 5.1.1"}},
		{"the bounce finds no home", func(o *lab.Options) { delete(o.MainCF, "recipient_canonical_maps") }, nil, &wrong{line: "rcpt(got.from)", says: "550 5.1.1"}},
		{"it goes elsewhere", func(o *lab.Options) { o.Aliases["forward@new.example.com"] = "fred@example.com" }, nil, &wrong{line: taken, says: "nobody connected to mx"}},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			e := bothEnds(t, both(forward, row.edit), row.settings...)
			e.targets["xclient"], e.dns = e.server.Addr("xclient"), dns
			played := script
			if row.wrong != nil && row.wrong.line == taken {
				played = inAHurry(t, script)
			}
			results := e.play(t, []*dsl.Script{played})
			if row.wrong == nil {
				wantSound(t, results)
			} else {
				row.wrong.want(t, "srs", results)
			}
		})
	}
}

// inAHurry is a Monday script that waits no longer than a few seconds.
func inAHurry(t *testing.T, script *dsl.Script) *dsl.Script {
	t.Helper()
	folder := fstest.MapFS{}
	for _, name := range []string{filepath.Base(script.Name()), "lib/who.lua"} {
		text, err := os.ReadFile(filepath.Join("../testdata/monday", name))
		if err != nil {
			t.Fatal(err)
		}
		folder[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(text), `within = "30s"`, `within = "4s"`))}
	}
	hurried, problems := dsl.CompileFS(folder, filepath.Base(script.Name()), script.Name())
	if len(problems) > 0 {
		t.Fatalf("%v", problems)
	}
	return hurried
}

// TestMondayDSN: a report of success comes where it was asked for.
func TestMondayDSN(t *testing.T) {
	t.Parallel()
	script, problems := compileMonday("dsn")
	if len(problems) > 0 {
		t.Fatalf("%v", problems)
	}
	for _, row := range []struct {
		reason string
		edit   func(*lab.Options)
		wrong  *wrong
	}{
		{"sound", nothing, nil},
		{"it is not offered", setting("smtpd_discard_ehlo_keywords", "dsn"), &wrong{line: `expect_capability "DSN"`, says: "DSN"}},
		{"NOTIFY is lost on the way", setting("smtpd_command_filter", "regexp:{{/^(RCPT TO:<[^>]*>) NOTIFY=SUCCESS(.*)$$/ $$1$$2}}"), &wrong{line: `maildir(var "inbox"):expect`, says: ""}},
		{"no report is written", setting("trace_service_name", "discard"), &wrong{line: `maildir(var "inbox"):expect`, says: ""}},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			e := bothEnds(t, row.edit)
			played := script
			if row.wrong != nil {
				played = inAHurry(t, script)
			}
			results := e.play(t, []*dsl.Script{played}, "inbox="+e.server.Maildir(lab.User), "user="+lab.User)
			if row.wrong == nil {
				wantSound(t, results)
			} else {
				row.wrong.want(t, "dsn", results)
			}
		})
	}
}

// TestMondayAll: each script is played.
func TestMondayAll(t *testing.T) {
	files, err := filepath.Glob("../testdata/monday/*.lua")
	if err != nil || len(files) != 12 {
		t.Fatalf("%d scripts: %v", len(files), err)
	}
	alone := []string{"greylisting", "quota", "srs", "dsn"} // each has a test of its own
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".lua")
		if !slices.Contains(alone, name) && !slices.ContainsFunc(mondayScripts, func(m monday) bool { return m.script == name }) {
			t.Errorf("%s is not played", name)
		}
	}
}
