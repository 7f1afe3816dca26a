package imap_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"smtplay/engine"
	"smtplay/engine/lab"
	"smtplay/engine/lab/dovecot"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/mailbox"
	"smtplay/engine/mailbox/imap"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// account is a user of a server, whose mail no other test touches.
type account struct {
	*dovecot.Dovecot
	user, password string
}

// TestDovecot is all that is tried with a real server, which takes a while to start.
func TestDovecot(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name string
		test func(*testing.T, account)
	}{
		{"found and removed", testFoundAndRemoved},
		{"others stay", testOthersStay},
		{"await", testAwait},
		{"login", testLogin},
		{"a folder with another name", testFolder},
		{"renumbered", testRenumbered},
		{"interrupted and on", testInterruptedAndOn},
		{"tls", testTLS},
	}
	users := map[string]string{}
	for _, row := range rows {
		users[address(row.name)] = lab.Password
	}
	users[address("await")] = `p "\ ü`
	server := labtest.Dovecot(t, dovecot.Options{Users: users})
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.test(t, account{server, address(row.name), users[address(row.name)]})
		})
	}
}

func address(name string) string { return strings.ReplaceAll(name, " ", "-") + "@new.example.com" }

// deliver brings messages to the account by LMTP, in this order.
func deliver(t testing.TB, server account, subjects ...string) {
	t.Helper()
	c := labtest.Dial(t, server.Addr("lmtp"), nil)
	c.Expect("220")
	c.Say("lhlo client.example.org", "250")
	for _, s := range subjects {
		c.Dialogue([][2]string{
			{"mail from:<a@example.org>", "250"},
			{"rcpt to:<" + server.user + ">", "250"},
			{"data", "354"},
			{"Subject: " + s + "\r\n\r\nHi\r\n.", "250"},
		})
	}
	c.Say("quit", "221")
}

func clear(server account) imap.Options {
	return imap.Options{Server: server.Addr("imap"), User: server.user, Password: server.password, Timeout: 10 * time.Second}
}

func open(t testing.TB, o imap.Options) *imap.Box {
	t.Helper()
	b, err := imap.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// found are all that a look finds.
func found(t testing.TB, w mailbox.Watch) []*mailbox.Message {
	t.Helper()
	var all []*mailbox.Message
	for m, err := range w.New(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func subjects(all []*mailbox.Message) string {
	var names []string
	for _, m := range all {
		_, rest, _ := bytes.Cut(m.Raw, []byte("Subject: "))
		name, _, _ := bytes.Cut(rest, []byte("\r\n"))
		names = append(names, string(name))
	}
	return strings.Join(names, " ")
}

// names are the files of the user's mail, whose ends are their flags.
func names(t testing.TB, server account) (all []string) {
	t.Helper()
	for _, sub := range []string{"new", "cur"} {
		files, err := os.ReadDir(server.Maildir(server.user) + "/" + sub)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			all = append(all, f.Name())
		}
	}
	return all
}

func want(t testing.TB, err error, kind imap.Kind, text string) {
	t.Helper()
	var e *imap.Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want kind %d with %q", err, kind, text)
	}
	if err != nil && (strings.Contains(err.Error(), lab.Password) || strings.Contains(err.Error(), "eW91cnBhc3N3b3Jk")) {
		t.Errorf("the password stands in %q", err)
	}
}

func testFoundAndRemoved(t *testing.T, server account) {
	start := time.Now()
	deliver(t, server, "before") // before Open, but after the start
	b := open(t, clear(server))
	w, later := b.Since(start), b.Since(time.Now().Add(2*time.Second))
	first := found(t, w)
	if subjects(first) != "before" {
		t.Fatalf("found %q", subjects(first))
	}
	deliver(t, server, "one", "two", "three")
	all := found(t, w)
	if subjects(all) != "one two three" {
		t.Fatalf("found %q", subjects(all))
	}
	if again := found(t, w); len(again) > 0 {
		t.Errorf("found %q twice", subjects(again))
	}
	if early := found(t, later); len(early) > 0 {
		t.Errorf("%q came before the watch's time", subjects(early))
	}
	two := all[1]
	if two.Where != "INBOX, UID 3" || two.Size != 0 || two.At.Before(start.Truncate(time.Second)) || !bytes.HasSuffix(two.Raw, []byte("Subject: two\r\n\r\nHi\r\n")) {
		t.Errorf("the message is %q, %d, %v, %q", two.Where, two.Size, two.At, two.Raw)
	}
	if got := b.String(); got != "imap "+server.Addr("imap")+" INBOX: 4 messages" {
		t.Errorf("the box is %q", got)
	}
	if err := b.Remove(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	want(t, b.Remove(t.Context(), two), imap.Gone, "INBOX, UID 3, is gone already")
	if err := b.Remove(t.Context(), two); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
	if got := b.String(); got != "imap "+server.Addr("imap")+" INBOX: 3 messages" {
		t.Errorf("the box is %q", got)
	}
	left := names(t, server)
	for _, name := range left {
		if _, flags, _ := strings.Cut(name, ":2,"); flags != "" {
			t.Errorf("%s has flags", name)
		}
	}
	if len(left) != 3 {
		t.Errorf("%q are left", left)
	}
}

// What somebody else marked as deleted stays, and what came while nobody listened is found.
func testOthersStay(t *testing.T, server account) {
	start := time.Now()
	deliver(t, server, "mine", "theirs")
	b := open(t, clear(server))
	w := b.Since(start)
	for m, err := range w.New(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		mark(t, server, "2")
		if err := b.Remove(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		break // the other is not lost by that
	}
	if left := names(t, server); len(left) != 1 || !strings.HasSuffix(left[0], "T") {
		t.Errorf("%q are left", left)
	}
	if rest := found(t, w); subjects(rest) != "theirs" {
		t.Errorf("then found %q", subjects(rest))
	}
}

// mark marks a message as deleted, as another client does.
func mark(t testing.TB, server account, number string) {
	t.Helper()
	c := labtest.Dial(t, server.Addr("imap"), nil)
	c.Expect("* OK")
	c.Say("a LOGIN "+server.user+" "+server.password, "a OK")
	fmt.Fprintf(c.Conn, "b SELECT INBOX\r\n")
	for !strings.HasPrefix(c.Expect(""), "b OK") {
	}
	fmt.Fprintf(c.Conn, "c STORE %s +FLAGS.SILENT (\\Deleted)\r\n", number)
	for !strings.HasPrefix(c.Expect(""), "c OK") {
	}
}

func testAwait(t *testing.T, server account) {
	b := open(t, clear(server))
	m, err := mailbox.Await(t.Context(), b, time.Now(), mailbox.Demand{Subject: mailbox.Equal("x")}, 10*time.Millisecond)
	var missing *mailbox.NotFound
	if m != nil || !errors.As(err, &missing) {
		t.Errorf("awaited %v, %v", m, err)
	}
}

func testLogin(t *testing.T, server account) {
	deliver(t, server, "there")
	o := clear(server)
	if b := open(t, o); !strings.HasSuffix(b.String(), "INBOX: 1 message") {
		t.Errorf("the box is %q", b)
	}
	o.Password = "wrong" + lab.Password
	_, err := imap.Open(t.Context(), o)
	want(t, err, imap.Login, "AUTHENTICATIONFAILED")
	o = clear(server)
	o.Mailbox = "No/Such"
	_, err = imap.Open(t.Context(), o)
	want(t, err, imap.Refused, "select: the server refused")
}

// A folder other than INBOX, whose name is not ASCII.
func testFolder(t *testing.T, server account) {
	const name = "Grüße & Öl"
	c := labtest.Dial(t, server.Addr("imap"), nil)
	c.Expect("* OK")
	c.Say("a LOGIN "+server.user+" "+server.password, "a OK")
	c.Say(`b CREATE "Gr&APwA3w-e &- &ANY-l"`, "b OK")
	fmt.Fprintf(c.Conn, "c APPEND \"Gr&APwA3w-e &- &ANY-l\" \" 1-Jan-2020 00:00:00 +0000\" {18}\r\n")
	c.Expect("+ OK")
	c.Say("Subject: old\r\n\r\nx\r\n", "c OK")
	o := clear(server)
	o.Mailbox = name
	b := open(t, o)
	w := b.Since(time.Now().Add(-time.Second))
	if all := found(t, w); len(all) > 0 || !strings.HasSuffix(b.String(), name+": 1 message") {
		t.Errorf("found %q in %v", subjects(all), b)
	}
	if all := found(t, b.Since(time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC))); subjects(all) != "old" {
		t.Errorf("found %q", subjects(all))
	}
}

// Another process may have made the folder anew.
func testRenumbered(t *testing.T, server account) {
	start := time.Now()
	deliver(t, server, "x")
	b := open(t, clear(server))
	all := found(t, b.Since(start))
	all[0].Key = "1.1"
	want(t, b.Remove(t.Context(), all[0]), imap.Renumbered, "UIDVALIDITY was 1 and is")
	all[0].Key = "new/17.host"
	want(t, b.Remove(t.Context(), all[0]), imap.Misuse, "another box")
}

// A look that is interrupted ends the connection, not the box.
func testInterruptedAndOn(t *testing.T, server account) {
	start := time.Now()
	b := open(t, clear(server))
	w := b.Since(start)
	deliver(t, server, "one", "two")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	why := errors.New("enough")
	var got []string
	for m, err := range w.New(ctx) {
		if err != nil {
			want(t, err, imap.Interrupted, "enough")
			if !errors.Is(err, why) {
				t.Errorf("the cause is not told: %v", err)
			}
			continue
		}
		got = append(got, m.Where)
		cancel(why)
	}
	if len(got) != 1 {
		t.Errorf("found %q", got)
	}
	if rest := found(t, w); subjects(rest) != "two" {
		t.Errorf("then found %q", subjects(rest))
	}
}

func testTLS(t *testing.T, server account) {
	pem, err := os.ReadFile(server.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	ca := x509.NewCertPool()
	ca.AppendCertsFromPEM(pem)
	trusting := engine.TLSOptions{CA: ca, Name: lab.Hostname}
	for _, row := range []struct {
		reason, listener string
		change           func(*imap.Options)
		kind             imap.Kind
		text             string
	}{
		{"TLS from the first byte", "imaps", func(o *imap.Options) { o.TLS, o.Security = true, trusting }, 0, ""},
		{"STARTTLS", "imap", func(o *imap.Options) { o.Security = trusting }, 0, ""},
		{"a CA that nobody knows", "imaps", func(o *imap.Options) { o.TLS, o.Security.Name = true, lab.Hostname }, imap.Unverified, "unknown authority"},
		{"the same after STARTTLS", "imap", func(o *imap.Options) { o.Security.Name = lab.Hostname }, imap.Unverified, "unknown authority"},
		{"another name", "imaps", func(o *imap.Options) { o.TLS, o.Security.CA = true, ca }, imap.Unverified, "127.0.0.1"},
		{"not verified", "imaps", func(o *imap.Options) { o.TLS, o.Security.NoVerify = true, true }, imap.Insecure, "nothing was sent"},
		{"not verified, as asked for", "imaps", func(o *imap.Options) { o.TLS, o.Security.NoVerify, o.Insecure = true, true, true }, 0, ""},
		{"TLS where none is spoken", "imap", func(o *imap.Options) { o.TLS = true }, imap.Handshake, "does not speak TLS"},
		{"STARTTLS is taken where it need not be", "imap", func(o *imap.Options) { o.Insecure = true }, imap.Unverified, "127.0.0.1"},
	} {
		o := clear(server)
		o.Server = server.Addr(row.listener)
		row.change(&o)
		b, err := imap.Open(t.Context(), imap.Far(o))
		if row.kind == 0 {
			if err != nil {
				t.Errorf("%s: %v", row.reason, err)
				continue
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		t.Log(row.reason, err)
		want(t, err, row.kind, row.text)
	}
}
