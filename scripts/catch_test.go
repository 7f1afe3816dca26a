package scripts_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/resolver/resolvertest"
	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
	"smtplay/scripts"
)

// misconfiguration is what can be wrong with a server, and who finds it.
type misconfiguration struct {
	reason string
	edit   func(*lab.Options) // of the usual options
	caught []catch
	vars   []string          // what the runbooks are told; they may call the server's folder $dir
	zone   []string          // what the resolver has that the runbooks are told of; nil is none
	files  map[string]string // what else lies in the server's folder, which edits call $dir
	mute   bool              // the server never speaks: nobody need wait for it long
}

// catch is a runbook that must fail, and the line that it must blame: the one
// of the file in which the text stands.
type catch struct {
	runbook, line string
	says          string // what the failure must say: in one sentence, as its because, or as its hint
}

// setting is an edit of main.cf.
func setting(name, value string) func(*lab.Options) {
	return func(o *lab.Options) { o.MainCF[name] = value }
}

// at is an edit of one listener, by "name=value".
func at(listener string, settings ...string) func(*lab.Options) {
	return func(o *lab.Options) { o.MasterArgs[listener] = append(o.MasterArgs[listener], settings...) }
}

// both are two edits, one after the other.
func both(edits ...func(*lab.Options)) func(*lab.Options) {
	return func(o *lab.Options) {
		for _, edit := range edits {
			edit(o)
		}
	}
}

func showing(c lab.Certificate) func(*lab.Options) {
	return func(o *lab.Options) { o.Certificate = c }
}

// serving shows a certificate that package server made.
func serving(t server.CertificateOptions) func(*lab.Options) {
	return func(o *lab.Options) {
		made, err := server.MakeCertificate(t)
		if err != nil {
			panic(err) // the table asks for what cannot be
		}
		o.Certificate = lab.Certificate{Chain: made.CertPEM, PrivateKey: made.KeyPEM}
	}
}

// users are settings of both services for users.
func users(settings ...string) func(*lab.Options) {
	return both(at("submission", settings...), at("submissions", settings...))
}

// otherSASL has Cyrus SASL read the file that sasl makes. It lies where the usual
// one does: Debian's Postfix looks beside main.cf, whatever cyrus_sasl_config_path says.
var otherSASL = setting("smtpd_sasl_path", "other")

func sasl(lines ...string) map[string]string {
	return map[string]string{"etc/sasl/other.conf": strings.Join(lines, "\n") + "\n"}
}

// TestRunbooksCatch: each runbook fails on what it exists to find, on the line
// that names the fault.
func TestRunbooksCatch(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{})
	for _, m := range slices.Concat(misconfigurations, smuggled, mondays) {
		t.Run(m.reason, func(t *testing.T) {
			s := reconfigured(t, p, m.edit, m.files)
			s.ca = poolOf(t, p.CAFile())
			if m.mute {
				s.timeout = time.Second
			}
			results := s.run(t, m.runbooks(), m.told(t, p.Dir())...)
			for _, c := range m.caught {
				c.want(t, results)
			}
		})
	}
}

// told are the vars of the runbooks, with where the resolver is.
func (m misconfiguration) told(t *testing.T, dir string) []string {
	var told []string
	for _, v := range m.vars {
		told = append(told, strings.ReplaceAll(v, "$dir", dir))
	}
	if m.zone != nil {
		told = append(told, "resolver="+resolvertest.Start(t, func(dns.Question) resolvertest.Reply {
			return resolvertest.Reply{Records: m.zone, Authenticated: true}
		}))
	}
	return told
}

// runbooks are those that must find it, each once.
func (m misconfiguration) runbooks() []string {
	var all []string
	for _, c := range m.caught {
		if !slices.Contains(all, c.runbook) {
			all = append(all, c.runbook)
		}
	}
	return all
}

// TestEveryRunbookCatches: no runbook is without a fault that it has been seen to find.
func TestEveryRunbookCatches(t *testing.T) {
	caught := map[string]bool{}
	for _, m := range slices.Concat(misconfigurations, smuggled, mondays) {
		for _, c := range m.caught {
			caught[c.runbook] = true
		}
		if len(m.caught) == 0 {
			t.Errorf("%s: nobody finds it", m.reason)
		}
	}
	for _, f := range append(injections(nil), faults...) {
		caught[f.caught.runbook] = true
	}
	for _, w := range bothEndsWrong {
		caught[w.caught.runbook] = true
	}
	caught["mail-arrives-imap.lua"] = true // TestMailArrives
	for _, name := range names(t) {
		if !caught[name] {
			t.Errorf("%s: no fault that it finds", name)
		}
	}
}

// writeExtra puts files into the server's folder, which they and settings call $dir.
func writeExtra(t *testing.T, p *lab.Postfix, files map[string]string) {
	t.Helper()
	for name, text := range files {
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, unreadable) {
			mode = 0o600
		}
		path := filepath.Join(p.Dir(), filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "$dir", p.Dir())), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
}

// unreadable begins a file that root alone may read.
const unreadable = "for root alone\n"

// TestRunbooksCatchPeers: what a Postfix cannot be made to do, of the
// submission service of another server.
func TestRunbooksCatchPeers(t *testing.T) {
	t.Parallel()
	certificate, err := server.MakeCertificate(server.CertificateOptions{Names: []string{lab.Hostname}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		reason string
		edit   func(*server.Polite)
		caught catch
	}{
		{"any password is right", func(p *server.Polite) { p.On = server.Answers{"auth": server.Say("235 2.7.0 Welcome")} },
			catch{"auth-plain.lua", `auth("PLAIN", user, "wrong-"`, "535 5.7.8"}},
		{"SCRAM is offered, and does not work", func(p *server.Polite) {
			p.Mechanisms, p.On = []string{"PLAIN", "SCRAM-SHA-256"}, server.Answers{"response": server.Say("535 5.7.8 no such user")}
		}, catch{"auth-mechanisms.lua", "auth{ m, user, password", "the server offers SCRAM-SHA-256"}},
		{"SCRAM lets everybody in", func(p *server.Polite) {
			p.Mechanisms, p.On = []string{"SCRAM-SHA-1"}, server.Answers{"response": server.Say("235 2.7.0 Welcome")}
		}, catch{"auth-mechanisms.lua", "auth{ m, user, password", "before it had shown its signature"}},
		{"CRAM-MD5 lets everybody in", func(p *server.Polite) {
			p.Mechanisms, p.On = []string{"CRAM-MD5"}, server.Answers{"response": server.Say("235 2.7.0 Welcome")}
		}, catch{"auth-mechanisms.lua", `auth{ m, user, "wrong-"`, "nobody has this password, by CRAM-MD5"}},
		{"AUTH= lists a mechanism that AUTH does not", func(p *server.Polite) { p.CapabilitiesTLS = []string{"AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN NTLM"} },
			catch{"ehlo-offers.lua", `expect_capability("AUTH", mechanism)`, "AUTH NTLM"}},
		{"AUTH= lacks a mechanism that AUTH lists", func(p *server.Polite) { p.CapabilitiesTLS = []string{"AUTH PLAIN LOGIN", "AUTH=LOGIN"} },
			catch{"ehlo-offers.lua", `expect_capability("AUTH=", mechanism)`, "AUTH= PLAIN"}},
		{"STARTTLS is offered within TLS", func(p *server.Polite) { p.CapabilitiesTLS = []string{"STARTTLS", "AUTH PLAIN LOGIN"} },
			catch{"ehlo-offers.lua", `connect "submission"; ehlo(helo)⏎⏎⏎⏎⏎expect_no_capability "STARTTLS"`, "STARTTLS is offered"}},
		{"a password in clear text is tried", func(p *server.Polite) { p.AuthNeedsTLS = false },
			catch{"auth-refused-in-clear.lua", "expect(refusals)", "got 535 5.7.8"}},
		{"a login in clear text is offered in the obsolete form alone", func(p *server.Polite) { p.Capabilities = []string{"STARTTLS", "AUTH=PLAIN LOGIN"} },
			catch{"ehlo-offers.lua", `expect_no_capability "AUTH="`, "AUTH= is offered"}},
		{"a login in clear text is accepted, whoever it is", func(p *server.Polite) { p.On = server.Answers{"auth": server.Say("235 2.7.0 Welcome")} },
			catch{"auth-refused-in-clear.lua", "expect(refusals)", "got 235 2.7.0"}},
		{"a wrong password is refused for now only", func(p *server.Polite) {
			p.On = server.Answers{"auth": server.Do(func(s *server.Session) {
				if reply := "454 4.7.0 Later"; s.Index() == 2 {
					s.Reply(reply)
				} else {
					s.Reply("235 2.7.0 Welcome")
				}
			})}
		},
			catch{"auth-plain.lua", `auth("PLAIN", user, "wrong-"`, ""}},
		{"the server takes no mail at all", func(p *server.Polite) { p.On = server.Answers{"greeting": server.Say("554 5.3.2 No service")} },
			catch{"auth-plain.lua", `test("the right password is accepted"⏎connect "submission"`, "554"}},
		{"the server has too many connections", func(p *server.Polite) {
			p.On = server.Answers{"greeting": server.Say("421 4.7.0 Too many").Then(server.Close)}
		},
			catch{"starttls-auth-plain.lua", "local function encrypt()⏎expect 220", "421"}},
	} {
		t.Run(test.reason, func(t *testing.T) {
			polite := server.Polite{TLS: certificate.ServerConfig(), Users: map[string]string{lab.User: lab.Password}, AuthNeedsTLS: true}
			test.edit(&polite)
			s := site{targets: map[string]string{"submission": server.Start(t, polite.Serve).Addr()}, ca: certificate.Pool, name: lab.Hostname}
			test.caught.want(t, s.run(t, []string{test.caught.runbook}))
		})
	}
}

// want fails unless a test of the runbook failed on the line, or in a module that
// was called there, and none ended
// without a verdict: then the exit status would not be 1.
func (c catch) want(t *testing.T, results []suite.Result) {
	t.Helper()
	number := c.number(t)
	caught := false
	for _, r := range results {
		if r.Script.Name() != "scripts/"+c.runbook {
			continue
		}
		if r.Outcome == suite.Errored {
			t.Errorf("no verdict: %s", story(r))
		}
		if r.Outcome != suite.Failed || !slices.Contains(append(r.Failure.Via, r.Failure.Pos), transcript.Pos{File: "scripts/" + c.runbook, Line: number}) {
			continue
		}
		caught = true
		if f := r.Failure; !strings.Contains(f.What+"\n"+f.Because+"\n"+f.Hint, c.says) {
			t.Errorf("the failure does not say %q: %s", c.says, story(r))
		}
	}
	if !caught {
		t.Errorf("%s: no test failed at line %d, %s", c.runbook, number, c.line)
		for _, r := range results {
			if r.Script.Name() == "scripts/"+c.runbook {
				t.Log(r.Test, r.Outcome, r.Failure)
			}
		}
	}
}

// number is the line that is to be blamed. Where the text stands in several,
// text that stands in a line before it and a ⏎ for each line between tell which.
func (c catch) number(t *testing.T) int {
	t.Helper()
	text, err := fs.ReadFile(scripts.FS, c.runbook)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(c.line, "⏎")
	last := len(want) - 1
	var found []int
	lines := strings.Split(string(text), "\n")
	for i := last; i < len(lines); i++ {
		if strings.Contains(lines[i], want[last]) && strings.Contains(lines[i-last], want[0]) {
			found = append(found, i+1)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s: the text %q stands in lines %v, want one", c.runbook, c.line, found)
	}
	return found[0]
}
