package mailbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// TestPostfix delivers by virtual(8) into a Maildir and into an mbox.
func TestPostfix(t *testing.T) {
	dir, err := os.MkdirTemp("", "mailbox") // t.TempDir is out of reach of Postfix's users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	const inMbox = "mbox@new.example.com"
	postfix := labtest.ForTest(t, lab.Options{
		Dir:       dir,
		Mailboxes: []string{lab.User, inMbox},
		MainCF:    map[string]string{"virtual_mailbox_maps": fmt.Sprintf("inline:{ {%s = maildir/}, {%s = mbox} }", lab.User, inMbox)},
	})
	send := func(from, to, subject string) {
		t.Helper()
		c := labtest.Dial(t, postfix.Addr("smtp"), nil)
		c.Expect("220")
		c.Dialogue([][2]string{{"ehlo client.example.org", "250"}, {"mail from:<" + from + ">", "250"}, {"rcpt to:<" + to + ">", "250"}, {"data", "354"},
			{"Subject: " + subject + "\r\nReturn-Path: <forged@example.org>\r\n\r\nFrom here on\r\n\r\nFrom x@y Sun Nov 29 12:00:00 2026\r\nis text\r\n.", "250"}, {"quit", "221"}})
	}
	base := filepath.Join(dir, "mail")
	mbox, err := OpenMbox(filepath.Join(base, "mbox"))
	if err != nil {
		t.Fatal(err)
	}
	first := time.Now()
	send("a@example.org", lab.User, "first")
	send("a@example.org", inMbox, "first")
	waitFor(t, mbox, first, "first")
	maildir := opened(t, filepath.Join(base, "maildir"))
	waitFor(t, maildir, first, "first")

	for to, box := range map[string]Box{lab.User: maildir, inMbox: mbox} {
		start := time.Now()
		subject := fmt.Sprintf("second of %s", to)
		send("", to, subject)
		m := waitFor(t, box, start, subject)
		demand := Demand{From: Equal(""), To: Equal(to), Header: map[string]Want{"Received": Contains("by " + lab.Hostname)},
			Body: Equal("From here on\n\nFrom x@y Sun Nov 29 12:00:00 2026\nis text")}
		if held, why := demand.Judge(t.Context(), m); !held {
			t.Errorf("%v: %v\n%s", box, why, m.Raw)
		}
		if trace := m.Received(); len(trace) != 1 || trace[0].From != "client.example.org" || trace[0].By != lab.Hostname || trace[0].With != "ESMTP" || trace[0].For != to || time.Since(trace[0].Date) > time.Minute {
			t.Errorf("%v: the trace is %+v", box, trace)
		}
		if d := m.At.Sub(start); d < -time.Second || d > time.Minute {
			t.Errorf("%v: it arrived %v after the start", box, d)
		}
		if err := box.Remove(t.Context(), m); err != nil {
			t.Error(err)
		}
		send("a@example.org", to, "third") // into what was written by us
		waitFor(t, box, start, "third")
		if _, err := Await(t.Context(), box, start, Demand{Subject: Equal(subject)}, 0); err == nil || !strings.Contains(err.Error(), "Subject: third") {
			t.Errorf("%v: after it was removed: %v", box, err)
		}
	}
}

// waitFor awaits the message with that subject.
func waitFor(t *testing.T, box Box, since time.Time, subject string) *Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	m, err := Await(ctx, box, since, Demand{Subject: Equal(subject)}, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// opened opens a Maildir that the server makes with its first delivery.
func opened(t *testing.T, path string) *Maildir {
	t.Helper()
	end := time.After(20 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		box, err := OpenMaildir(path)
		if err == nil {
			return box
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatal(err)
		}
	}
}
