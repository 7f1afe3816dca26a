package scripts_test

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"smtplay/dsl"
	"smtplay/engine"
	"smtplay/engine/demo"
	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/resolver"
	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
	"smtplay/scripts"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// site is a server as the runbooks see it.
type site struct {
	targets map[string]string
	ca      *x509.CertPool
	name    string          // of its certificate
	timeout time.Duration   // of a reply; 0 is long
	only    string          // the test to run, as people name it; "" is all
	record  string          // the folder for transcripts; "" is none
	against *suite.Baseline // what the transcripts are compared with; nil is nothing
	repeat  int             // runs of each test; 0 is one
	allow   suite.Permissions
	dns     string // HOST:PORT that is asked; "" is the system's
}

func demoSite(t *testing.T) (site, *demo.Demo) {
	t.Helper()
	d, err := demo.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return site{targets: d.Targets(), ca: d.CA(), name: d.TLSName()}, d
}

func postfixSite(t *testing.T, p *lab.Postfix) site {
	t.Helper()
	s := site{targets: map[string]string{}, ca: poolOf(t, p.CAFile()), name: lab.Hostname}
	for _, target := range []string{"smtp", "local", "submission", "submissions"} {
		s.targets[target] = p.Addr(target)
	}
	return s
}

func poolOf(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate in %s", file)
	}
	return pool
}

// names are all runbooks.
func names(t *testing.T) []string {
	t.Helper()
	found, err := fs.Glob(scripts.FS, "*.lua")
	if err != nil || len(found) == 0 {
		t.Fatalf("runbooks: %v %v", found, err)
	}
	return found
}

func compile(t *testing.T, name string) *dsl.Script {
	t.Helper()
	s, problems := dsl.CompileFS(scripts.FS, name, "scripts/"+name)
	if len(problems) > 0 {
		t.Fatalf("%v", problems)
	}
	return s
}

// environment is what a run there shares, with vars such as "send=yes".
func (s site) environment(vars ...string) *suite.Env {
	env := &suite.Env{
		Targets: suite.Targets{Named: s.targets},
		Vars:    map[string]string{},
		Secrets: map[string]string{"password": lab.Password},
		Redact:  &transcript.Redactor{},
		Seed:    1,
	}
	env.Redact.Add("password", lab.Password)
	env.Options.Security.CA, env.Options.Security.Name = s.ca, s.name
	env.Allow = s.allow
	if s.allow.Exec {
		env.Options.Commands = &engine.Commands{}
	}
	if s.dns != "" {
		env.Options.Resolver = &resolver.Resolver{Server: s.dns}
	}
	env.Options.Timeout = cmp.Or(s.timeout, 20*time.Second)
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		env.Vars[name] = value
	}
	return env
}

// run runs the tests of runbooks, with vars such as "send=yes".
func (s site) run(t *testing.T, runbooks []string, vars ...string) []suite.Result {
	t.Helper()
	var all []*dsl.Script
	for _, name := range runbooks {
		all = append(all, compile(t, name))
	}
	return s.play(t, all, vars...)
}

// play runs the tests of scripts.
func (s site) play(t *testing.T, scripts []*dsl.Script, vars ...string) []suite.Result {
	t.Helper()
	env := s.environment(vars...)
	var all []suite.Script
	for _, script := range scripts {
		if err := script.Ready(env).Err(); err != nil {
			t.Fatal(err)
		}
		all = append(all, script)
	}
	runner := &suite.Runner{Jobs: 4, TestTimeout: time.Minute, Record: s.record, Against: s.against, Repeat: s.repeat}
	if s.only != "" {
		runner.Filter = regexp.MustCompile("^" + regexp.QuoteMeta(s.only) + "$")
	}
	tests, err := runner.Plan(t.Context(), env, all)
	if err != nil {
		t.Fatal(err)
	}
	var results []suite.Result
	runner.Run(t.Context(), env, tests, func(r suite.Result) {
		if text := conversation(r); strings.Contains(text, lab.Password) {
			t.Errorf("%v shows the password:\n%s", r.Test, text)
		}
		results = append(results, r)
	})
	return results
}

// conversation is the transcript of a test.
func conversation(r suite.Result) string {
	var b []byte
	for _, e := range r.Events {
		b = transcript.AppendEvent(b, e)
	}
	return string(b)
}

// story is all there is to tell of a result that was not wanted.
func story(r suite.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: %v %s\n", r.Test, r.Outcome, r.Reason)
	if f := r.Failure; f != nil {
		fmt.Fprintf(&b, "%v\n  %s\nbecause %s\nhint: %s\n", f, strings.TrimSpace(f.Source), f.Because, f.Hint)
	}
	return b.String() + conversation(r)
}

// The tests that skip on a sound server: where what they look at is rightly
// absent, or nobody said that it is there, or that it may be provoked; and where
// a message would be sent.
var (
	absent = []string{
		"scripts/auth-login-in-clear.lua: a recipient elsewhere is accepted",
		"scripts/auth-login-in-clear.lua: the message is queued",
		"scripts/auth-plain-in-clear.lua: a recipient elsewhere is accepted",
		"scripts/auth-plain-in-clear.lua: the message is queued",
		"scripts/bad-certificate-stops-delivery.lua",
		"scripts/certificate-self-signed.lua: smtp",
		"scripts/certificate-self-signed.lua: submissions",
		"scripts/certificate-on-disk.lua: smtp",
		"scripts/certificate-on-disk.lua: submission",
		"scripts/certificate-on-disk.lua: submissions",
		"scripts/dane.lua",
		"scripts/deferred-mail-is-tried-again.lua",
		"scripts/size-limit.lua: a message that is larger is refused",
		"scripts/errors-are-limited.lua: many are not",
		"scripts/greylisting.lua",
		"scripts/lmtp-over-quota.lua",
		"scripts/logins-are-limited.lua: a guesser is stopped",
		"scripts/mail-arrives-imap.lua",
		"scripts/mail-arrives.lua",
		"scripts/mail-leaves-encrypted.lua",
		"scripts/mx-that-breaks-off-loses-nothing.lua",
		"scripts/refused-after-data.lua",
		"scripts/refused-mail-bounces.lua",
		"scripts/relayhost-login.lua",
		"scripts/sender-not-the-logins.lua: a stranger is none of us",
		"scripts/sender-not-the-logins.lua: a user is himself",
		"scripts/sender-not-the-logins.lua: a user is not another",
		"scripts/smuggling-early-talker.lua",
		"scripts/smuggling-pipelining.lua",
	}
	unsent = []string{
		"scripts/auth-login.lua: the message is queued",
		"scripts/known-recipient-accepted.lua: the message is queued",
		"scripts/relay-from-localhost.lua: the message is queued",
		"scripts/smuggling-end-of-data.lua: CR CR LF.CR CR LF ends no message",
		"scripts/smuggling-end-of-data.lua: CR.CR ends no message",
		"scripts/smuggling-end-of-data.lua: CR.CRLF ends no message",
		"scripts/smuggling-end-of-data.lua: CR.LF ends no message",
		"scripts/smuggling-end-of-data.lua: CRLF.CR ends no message",
		"scripts/smuggling-end-of-data.lua: CRLF.LF ends no message",
		"scripts/smuggling-end-of-data.lua: LF.CR ends no message",
		"scripts/smuggling-end-of-data.lua: LF.CRLF ends no message",
		"scripts/smuggling-end-of-data.lua: LF.LF ends no message",
		"scripts/smuggling-long-lines.lua: a message with a line of 1000 octets is one message",
		"scripts/smuggling-long-lines.lua: a message with a line of 4000 octets is one message",
		"scripts/smuggling-nul.lua: in a message",
		"scripts/starttls-auth-plain.lua: the message is queued",
		"scripts/tls-from-first-byte.lua: the message is queued",
	}
)

// wantSound fails unless every test passed, but for those skipped.
func wantSound(t *testing.T, results []suite.Result, skipped ...string) {
	t.Helper()
	var got []string
	for _, r := range results {
		switch r.Outcome {
		case suite.Passed:
		case suite.Skipped:
			got = append(got, r.String())
		default:
			t.Error(story(r))
		}
	}
	slices.Sort(got)
	slices.Sort(skipped)
	if !slices.Equal(got, skipped) {
		t.Errorf("skipped:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(skipped, "\n"))
	}
}

// TestMechanisms: a Postfix that offers all that Cyrus SASL has, and passwords for them.
func TestMechanisms(t *testing.T) {
	t.Parallel()
	mechanisms := strings.Fields("SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 DIGEST-MD5 PLAIN LOGIN")
	s := postfixSite(t, labtest.Private(t, lab.Options{Mechanisms: mechanisms}))
	results := s.run(t, []string{"auth-mechanisms.lua"}, "wrong=each")
	wantSound(t, results)
	for _, r := range results {
		for _, m := range mechanisms {
			if !strings.Contains(conversation(r), "C: AUTH "+m) {
				t.Errorf("%s does not try %s", r, m)
			}
		}
	}
	once := s.run(t, []string{"auth-mechanisms.lua"})
	wantSound(t, once)
	for _, r := range once {
		if r.Test.Name == "a wrong password is refused" && strings.Count(conversation(r), "C: AUTH ") != 1 {
			t.Errorf("%s tries more than one:\n%s", r, conversation(r))
		}
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	s, d := demoSite(t)
	results := s.run(t, names(t))
	wantSound(t, results, slices.Concat(absent, unsent)...)
	for _, r := range results {
		if slices.Contains(unsent, r.String()) && r.Reason != "the message is not sent: --var send=yes sends it" {
			t.Errorf("%v: skipped for %q", r.Test, r.Reason)
		}
	}
	if n := d.Count(); n != 0 {
		t.Errorf("%d messages were sent, and nobody had asked for it", n)
	}

	results = s.run(t, names(t), "send=yes")
	wantSound(t, results, absent...)
	if n := d.Count(); n != len(unsent) {
		t.Errorf("%d messages were sent with send=yes, want %d", n, len(unsent))
	}
	for _, r := range results {
		for _, e := range r.Events {
			name, _, _ := strings.Cut(string(e.Data), " ")
			if _, known := s.targets[name]; e.Kind == transcript.Connect && !known {
				t.Errorf("%v connects to %q", r.Test, e.Data)
			}
		}
	}
}

func TestPostfix(t *testing.T) {
	t.Parallel()
	s := postfixSite(t, labtest.ForTest(t, lab.Options{}))
	wantSound(t, s.run(t, names(t)), slices.Concat(absent, unsent)...)
	wantSound(t, s.run(t, names(t), "send=yes"), absent...)
}

// TestSelfSigned: where no CA was given, the runbook shows what a self-signed
// certificate looks like, and judges all else about it.
func TestSelfSigned(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{Certificate: lab.Certificate{Issuer: lab.Self}})
	s := postfixSite(t, p) // trusts the lab's CA, which did not sign it
	wantSound(t, s.run(t, []string{"certificate-self-signed.lua"}))
	for _, r := range s.run(t, []string{"certificate.lua"}) {
		if r.Outcome != suite.Failed {
			t.Error(story(r))
		}
	}
}

// TestInClear: the tutorial's logins in clear text, after smtpd_tls_auth_only=no.
func TestInClear(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{MasterArgs: map[string][]string{"smtp": {"smtpd_tls_auth_only=no"}}})
	wantSound(t, postfixSite(t, p).run(t, names(t), "send=yes"), absent[4:]...)
}

// TestRefusalsOfAuthInClear: servers refuse it in many ways, offered or not.
func TestRefusalsOfAuthInClear(t *testing.T) {
	t.Parallel()
	offers, hides := []string{"AUTH PLAIN LOGIN"}, []string{"AUTH CRAM-MD5"}
	refusals := []string{"503 5.5.1 Not enabled", "504 5.5.4 Encryption required", "523 5.7.10 TLS first", "530 5.7.0 STARTTLS first",
		"534 5.7.9 Too weak", "538 5.7.11 Encryption required"}
	peer := func(refusal string, capabilities []string) site {
		polite := server.Polite{Capabilities: capabilities, On: server.Answers{"auth": server.Say(refusal)}}
		addr := server.Start(t, polite.Serve).Addr()
		return site{targets: map[string]string{"smtp": addr, "submission": addr}}
	}
	refused := []string{"auth-refused-in-clear.lua"}
	for _, refusal := range refusals {
		wantSound(t, peer(refusal, hides).run(t, refused))
		s := peer(refusal, offers)
		wantSound(t, s.run(t, refused))
		wantSound(t, s.run(t, []string{"auth-login-in-clear.lua", "auth-plain-in-clear.lua"}, "send=yes"), absent[:4]...)
	}
	const tried = "535 5.7.8 Authentication failed"
	wantSound(t, peer(tried, hides).run(t, refused))
	for _, r := range peer(tried, offers).run(t, refused) {
		if r.Outcome != suite.Failed {
			t.Errorf("a password that was tried in clear text: %s", story(r))
		}
	}
}

// TestNeeds: the runbooks ask for what is documented, and for nothing else.
func TestNeeds(t *testing.T) {
	defaults := map[string]string{
		"helo": "plpb.example.com", "sender": "james@example.org", "known": "james@new.example.com", "unknown": "james@example.com",
		"user": "james@new.example.com", "certificate_name": "maila.example.com", "relay_refusal": "554 5.7.1", "send": "no", "wrong": "once",
		"certificate_names": "maila.example.com", "certificate_file": "", "resolver": "",
		"large": "no", "utf8_sender": "jürgen@example.org",
		"provoke": "no", "impatient": "served", "error_limit": "30", "login_limit": "30", "other_sender": "", "full": "",
		"greylisting": "", "retry_every": "30s",
		"inbox": "", "mbox": "", "imap_server": "", "mail_log": "", "foreign_domain": "example.net", "retry_within": "10m", "flush": "",
		"mx_name": "mx.example.net", "mx_ca": "", "mx_ca_key": "", "relay_user": "", "patience": "",
	}
	targets := []string{"smtp", "local", "submission", "submissions", "lmtp", "mx"}
	unused := maps.Clone(defaults)
	for _, name := range names(t) {
		script := compile(t, name)
		if script.Title() == "" || script.Description() == "" {
			t.Errorf("%s has no title or no description", name)
		}
		needs := script.Needs()
		for _, in := range needs.Vars {
			delete(unused, in.Name)
			if want, known := defaults[in.Name]; !known || in.Default == nil || *in.Default != want || in.Doc == "" {
				t.Errorf("%s: var %q, default %v, doc %q: want the default %q and a doc", name, in.Name, in.Default, in.Doc, want)
			}
			if !strings.Contains(script.Description(), "`"+in.Name+"`") && in.Name != "send" && in.Name != "provoke" {
				t.Errorf("%s does not say that it needs the var %s", name, in.Name)
			}
		}
		for _, in := range needs.Secrets {
			if in.Name != "password" || !strings.Contains(script.Description(), "the secret `password`") {
				t.Errorf("%s: secret %q, and the description names it not", name, in.Name)
			}
		}
		if len(needs.Targets) == 0 {
			t.Errorf("%s names no target", name)
		}
		for _, use := range needs.Targets {
			if !slices.Contains(targets, use.Name) || !use.Optional || !strings.Contains(script.Description(), "`"+use.Name+"`") {
				t.Errorf("%s: target %q, skips without it: %v; or the description names it not", name, use.Name, use.Optional)
			}
		}
	}
	if len(unused) > 0 {
		t.Errorf("no runbook uses %v", slices.Sorted(maps.Keys(unused)))
	}
}

// TestMissingTargets: each target is missed by a skip alone.
func TestMissingTargets(t *testing.T) {
	t.Parallel()
	whole, _ := demoSite(t)
	for missing := range whole.targets {
		s := site{targets: maps.Clone(whole.targets), ca: whole.ca, name: whole.name}
		delete(s.targets, missing)
		for _, r := range s.run(t, names(t), "send=yes") {
			if r.Outcome != suite.Passed && r.Outcome != suite.Skipped {
				t.Errorf("without %s: %s", missing, story(r))
			}
			if strings.Contains(conversation(r), "* connect "+missing+" ") {
				t.Errorf("without %s: %v connects to it", missing, r.Test)
			}
		}
	}
}
