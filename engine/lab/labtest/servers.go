package labtest

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab/chasquid"
	"smtplay/engine/lab/daemon"
	"smtplay/engine/lab/dovecot"
	"smtplay/engine/lab/exim"
	"smtplay/engine/lab/opendkim"
	"smtplay/engine/lab/opensmtpd"
	"smtplay/engine/lab/postsrsd"
	"smtplay/engine/lab/sshd"
)

// ServersVariable is the environment variable with the folder that holds the unpacked packages of
// servers that cannot be installed beside Postfix. Where it is set, a server that is missing makes
// the tests that need it fail; where it is not, the system's own is taken, and its absence skips them.
const ServersVariable = "SMTPLAY_SERVERS"

// Exim gives an Exim that is this test's alone, or skips the test where there can be none.
func Exim(t testing.TB, o exim.Options) *exim.Exim {
	t.Helper()
	root := servers(t, "exim", exim.Missing)
	if o.Root == "" {
		o.Root = root
	}
	server, err := exim.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	stopAfter(t, server.Daemon)
	return server
}

// Chasquid gives a chasquid that is this test's alone, or skips the test where there can be none.
func Chasquid(t testing.TB, o chasquid.Options) *chasquid.Chasquid {
	t.Helper()
	root := servers(t, "chasquid", chasquid.Missing)
	if o.Root == "" {
		o.Root = root
	}
	server, err := chasquid.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	stopAfter(t, server.Daemon)
	return server
}

// OpenSMTPD gives an OpenSMTPD that is this test's alone, or skips the test where there can be none.
func OpenSMTPD(t testing.TB, o opensmtpd.Options) *opensmtpd.OpenSMTPD {
	t.Helper()
	root := servers(t, "opensmtpd", opensmtpd.Missing)
	if o.Root == "" {
		o.Root = root
	}
	server, err := opensmtpd.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	stopAfter(t, server.Daemon)
	return server
}

// Dovecot gives a Dovecot that is this test's alone, or skips the test where there can be none. It
// is installed, not unpacked, but ServersVariable makes it compulsory as well.
func Dovecot(t testing.TB, o dovecot.Options) *dovecot.Dovecot {
	t.Helper()
	servers(t, "dovecot", func(string) []string { return dovecot.Missing() })
	server, err := dovecot.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	stopAfter(t, server.Daemon)
	return server
}

// SSHD gives an OpenSSH server that is this test's alone, or skips the test where there can be none.
func SSHD(t testing.TB, o sshd.Options) *sshd.SSHD {
	t.Helper()
	root := servers(t, "sshd", sshd.Missing)
	if o.Root == "" {
		o.Root = root
	}
	server, err := sshd.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	stopAfter(t, server.Daemon)
	return server
}

// PostSRSd gives a PostSRSd that is this test's alone, or skips the test where there can be none.
func PostSRSd(t testing.TB, o postsrsd.Options) *postsrsd.PostSRSd {
	t.Helper()
	root := servers(t, "postsrsd", postsrsd.Missing)
	if o.Root == "" {
		o.Root = root
	}
	server, err := postsrsd.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	stopAfter(t, server.Daemon)
	return server
}

// OpenDKIM gives an OpenDKIM that is this test's alone, or skips the test where there can be none.
func OpenDKIM(t testing.TB, o opendkim.Options) *opendkim.OpenDKIM {
	t.Helper()
	root := servers(t, "opendkim", opendkim.Missing)
	if o.Root == "" {
		o.Root = root
	}
	server, err := opendkim.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	stopAfter(t, server.Daemon)
	return server
}

// servers is the folder of the servers' packages, if nothing is missing there for the one of that name.
func servers(t testing.TB, name string, missing func(root string) []string) string {
	t.Helper()
	root := os.Getenv(ServersVariable)
	parts := missing(root)
	switch {
	case len(parts) == 0:
	case root != "":
		t.Fatalf("%s: missing here: %q, and %s=%s", name, parts, ServersVariable, root)
	default:
		t.Skipf("%s: missing here: %q (%s names a folder with unpacked packages)", name, parts, ServersVariable)
	}
	return root
}

// stopAfter stops a server after the test, and shows its log first if the test failed.
func stopAfter(t testing.TB, d *daemon.Daemon) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", d.Log())
		}
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// Delivered waits for a letter in that mailbox, and gives the first.
func Delivered(t testing.TB, letters func() ([]daemon.Letter, error), mailbox string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var found []byte
	var failed error
	err := daemon.WaitUntil(ctx, func() bool {
		var all []daemon.Letter
		all, failed = letters()
		for _, l := range all {
			if l.Mailbox == mailbox {
				found = l.Data
			}
		}
		return found != nil || failed != nil
	})
	if err := errors.Join(failed, err); err != nil {
		t.Fatalf("no message in %s: %v", mailbox, err)
	}
	return found
}

// LeavesNothing stops a server and looks for what it has left behind.
func LeavesNothing(t testing.TB, d *daemon.Daemon) {
	t.Helper()
	if len(d.Processes()) == 0 {
		t.Fatal("no process of the server is seen while it runs, so seeing none later proves nothing")
	}
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	if left := d.Processes(); len(left) > 0 {
		t.Errorf("left behind: processes %v", left)
	}
	if _, err := os.Stat(d.Dir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	for _, name := range d.Names() {
		if conn, err := net.Dial("tcp", d.Addr(name)); err == nil {
			conn.Close()
			t.Errorf("%s still answers", name)
		}
	}
	if err := d.Stop(); err != nil {
		t.Errorf("stopping it twice: %v", err)
	}
}

// SaysWhy wants err to be a *daemon.StartError whose log has reason.
func SaysWhy(t testing.TB, err error, reason string) {
	t.Helper()
	var failed *daemon.StartError
	if !errors.As(err, &failed) || !strings.Contains(failed.Log, reason) {
		t.Errorf("got error %v, want a StartError whose log has %q", err, reason)
	}
}
