package dsl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// What an authority of the script's own signs has the fault that was named, and
// no other for who trusts it; its key is shown nowhere.
func TestListenWithAuthority(t *testing.T) {
	ca, err := server.MakeCA(server.AuthorityOptions{})
	if err != nil {
		t.Fatal(err)
	}
	key, err := ca.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{"ca.pem": ca.PEM(), "ca.key": key, "both.pem": append(ca.PEM(), key...)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	greet := func(judged string) string {
		return `
start("client", function()
  connect(mx.address); ehlo()
  starttls{ ca = "DIR/ca.pem", name = "mx.example.net", verify = false }
  local why = certificate().verify_error or "none"
  assert(` + judged + `, why)
  ehlo(); quit()
end)
mx:take()
`
	}
	for _, row := range []struct {
		reason, script string
		outcome        suite.Outcome
		says           string
	}{
		{"a good one", `local mx = listen{ ca = "DIR/ca.pem", ca_key = "DIR/ca.key" }` + greet(`why == "none"`), suite.Passed, ""},
		{"the key is in the same file", `local mx = listen{ ca = "DIR/both.pem" }` + greet(`why == "none"`), suite.Passed, ""},
		{"one that has expired", `local mx = listen{ tls = "expired", ca = "DIR/ca.pem", ca_key = "DIR/ca.key" }` + greet(`why:find "expired" and not why:find "authority"`), suite.Passed, ""},
		{"a certificate and its key, each in a file", `local mx = listen{ cert = "DIR/ca.pem", key = "DIR/ca.key" }; assert(mx.port)`, suite.Passed, ""},
		{"no key at all", `local mx = listen{ ca = "DIR/ca.pem" }`, suite.Errored, "key"},
		{"a key alone", `local mx = listen{ ca = "", ca_key = "DIR/ca.key" }`, suite.Errored, "ca_key of listen is the key of ca, and ca is not given"},
		{"a certificate as well", `local mx = listen{ ca = "DIR/both.pem", cert = "DIR/both.pem" }`, suite.Errored, "a certificate of its own"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			results := newBench(t, nil).try(t, strings.ReplaceAll(row.script, "DIR", dir))
			r := results[0]
			if r.Outcome != row.outcome || row.says != "" && (r.Failure == nil || !strings.Contains(r.Failure.What, row.says)) {
				t.Errorf("%v %+v, want %v: %s", r.Outcome, r.Failure, row.outcome, row.says)
			}
		})
	}
}

// The files of listen are looked for beside who names them.
func TestListenInSuite(t *testing.T) {
	ca, err := server.MakeCA(server.AuthorityOptions{})
	if err != nil {
		t.Fatal(err)
	}
	key, err := ca.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	both := string(append(ca.PEM(), key...))
	for _, options := range []string{`cert = "both.pem"`, `ca = "both.pem"`, `ca = "both.pem", ca_key = "both.pem"`} {
		s, problems := inFolders(t, [2]string{"both.pem", both}, [2]string{"suite.lua", "before_each(function() mx = listen{ " + options + " }; mx:serve() end)"},
			[2]string{"a/t.lua", "connect(mx.address); ehlo()"})
		if s == nil {
			t.Fatal(problems)
		}
		if r := newBench(t, nil).runs(t, s)[0]; r.Outcome != suite.Passed {
			t.Errorf("%s: %v %+v", options, r.Outcome, r.Failure)
		}
	}
}
