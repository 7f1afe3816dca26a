// Package labtest gives tests a real Postfix, or says why there is none. It is apart from
// package lab because that one also serves a command, which should not link package testing.
//
// A test takes what it needs and starts nothing itself:
//
//	func TestMain(m *testing.M) { labtest.Main(m) }
//
//	func TestRelay(t *testing.T) {
//		server := labtest.ForTest(t, lab.Options{})
//		… server.Addr("smtp") …
//	}
package labtest

import (
	"os"
	"os/exec"
	"sync"
	"testing"

	"smtplay/engine/lab"
)

// Variable is the environment variable that decides what a machine without Postfix means: "require",
// as in CI, makes the tests that need one fail; otherwise they are skipped.
const Variable = "SMTPLAY_POSTFIX"

// shared is the server of all tests of this binary that are content with the usual one.
var shared struct {
	sync.Mutex
	server *lab.Postfix
}

// ForTest gives a server that runs. With zero options it is one that all tests of the package share, also
// in parallel: it cannot be reconfigured, and its messages and log are everybody's.
// Main stops it; without Main it ends with the test binary. With any option
// set it is the test's own, as with [Private]. Where there can be no Postfix the test is skipped,
// or fails if Variable says so; both name what is missing.
func ForTest(t testing.TB, o lab.Options) *lab.Postfix {
	t.Helper()
	if !zero(o) {
		return Private(t, o)
	}
	require(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		server, err := lab.Start(t.Context(), lab.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		shared.server = server
	}
	return shared.server
}

// Private gives a server that is this test's alone, to be reconfigured at will. It is stopped after
// the test, and if the test failed the mail log is shown before.
func Private(t testing.TB, o lab.Options) *lab.Postfix {
	t.Helper()
	require(t)
	server, err := lab.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("mail log:\n%s", server.Log())
		}
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// Main runs the tests and stops the server that they shared, for use as TestMain. A server that
// will not stop is a panic, so that the tests do not pass.
func Main(m *testing.M) {
	m.Run() // the caller of TestMain exits with its status
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		return
	}
	if err := shared.server.Stop(); err != nil {
		panic(err)
	}
}

// Program is the path of a program that gives a test its second opinion. Where it is
// missing the test is skipped, or fails where everything has to be there: see Variable.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv(Variable) == "require":
		t.Fatalf("%v, and %s=require", err, Variable)
	default:
		t.Skip(err)
	}
	return path
}

// require ends the test where no Postfix can run.
func require(t testing.TB) {
	t.Helper()
	missing := lab.Missing()
	if len(missing) == 0 {
		return
	}
	err := &lab.MissingError{Parts: missing}
	if os.Getenv(Variable) == "require" {
		t.Fatalf("%v, and %s=require", err, Variable)
	}
	t.Skip(err)
}

// zero reports whether no option is set.
func zero(o lab.Options) bool {
	c := o.Certificate
	return o.Dir == "" && o.MainCF == nil && o.MasterArgs == nil && o.Listeners == nil &&
		o.Users == nil && o.Mechanisms == nil && o.Mailboxes == nil && !o.ReadOnly &&
		o.Aliases == nil && o.Outbound == nil && o.Retry == 0 &&
		c.Names == nil && c.NotBefore.IsZero() && c.NotAfter.IsZero() &&
		c.Key == 0 && c.Issuer == 0 && c.Chain == nil && c.PrivateKey == nil
}
