package dovecot_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/dovecot"
	"smtplay/engine/lab/labtest"
)

// reader is a conversation in IMAP, as plain as it can be.
type reader struct {
	t    testing.TB
	conn net.Conn
	text *bufio.Reader
	tag  int
}

// read connects and takes the greeting, with TLS from the first byte if trust is not nil.
func read(t testing.TB, addr string, trust *tls.Config) *reader {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	r := &reader{t: t, conn: conn}
	if trust != nil {
		r.conn = tls.Client(conn, trust)
	}
	r.text = bufio.NewReader(r.conn)
	if line := r.line(); !strings.HasPrefix(line, "* OK ") {
		t.Fatalf("the greeting is %q", line)
	}
	return r
}

func (r *reader) line() string {
	r.t.Helper()
	line, err := r.text.ReadString('\n')
	if err != nil {
		r.t.Fatalf("after %q: %v", line, err)
	}
	return line
}

// say gives a command and all that comes up to its end, which must begin with want.
func (r *reader) say(command, want string) string {
	r.t.Helper()
	r.tag++
	tag := fmt.Sprintf("a%d ", r.tag)
	if _, err := fmt.Fprintf(r.conn, "%s%s\r\n", tag, command); err != nil {
		r.t.Fatal(err)
	}
	var all strings.Builder
	for {
		line := r.line()
		all.WriteString(line)
		if rest, last := strings.CutPrefix(line, tag); last {
			if !strings.HasPrefix(rest, want) {
				r.t.Fatalf("%s: got %q, want %s", command, all.String(), want)
			}
			return all.String()
		}
	}
}

// What came by LMTP is read by IMAP, in clear, after STARTTLS and over TLS, by who has the password.
func TestIMAP(t *testing.T) {
	t.Parallel()
	const mary = "mary@new.example.com"
	server := labtest.Dovecot(t, dovecot.Options{Users: map[string]string{mary: "secret two"}})
	c := labtest.Dial(t, server.Addr("lmtp"), nil)
	c.Expect("220")
	c.Say("lhlo client.example.org", "250")
	c.Dialogue([][2]string{
		{"mail from:<a@example.org>", "250"},
		{"rcpt to:<" + lab.User + ">", "250"},
		{"rcpt to:<" + mary + ">", "250"},
		{"data", "354"},
		{"Subject: read me\r\n\r\nHi\r\n.", "250"},
	})
	c.Expect("250 2.0.0 <" + mary + ">")
	trust := labtest.Trusting(t, server.CAFile())
	for _, row := range []struct {
		reason, listener, user, password string
		over, later                      *tls.Config
	}{
		{"in clear", "imap", lab.User, lab.Password, nil, nil},
		{"after STARTTLS", "imap", mary, "secret two", nil, trust},
		{"TLS from the first byte", "imaps", lab.User, lab.Password, trust, nil},
	} {
		r := read(t, server.Addr(row.listener), row.over)
		if row.later != nil {
			r.say("STARTTLS", "OK")
			r.conn = tls.Client(r.conn, row.later)
			r.text = bufio.NewReader(r.conn)
		}
		r.say(`LOGIN "`+row.user+`" "wrong"`, "NO [AUTHENTICATIONFAILED]")
		r.say(`LOGIN "`+row.user+`" "`+row.password+`"`, "OK")
		if got := r.say("SELECT INBOX", "OK"); !strings.Contains(got, "* 1 EXISTS") {
			t.Errorf("%s: the mailbox is %q", row.reason, got)
		}
		if got := r.say("FETCH 1 BODY[]", "OK"); !strings.Contains(got, "\r\nSubject: read me\r\n\r\nHi\r\n") {
			t.Errorf("%s: the message is %q", row.reason, got)
		}
		r.say("LOGOUT", "OK")
	}
	// Having been read it is still among the messages, and in the folder that Maildir names.
	labtest.Delivered(t, server.Messages, "new.example.com/james")
	labtest.Delivered(t, server.Messages, "new.example.com/mary")
	if all, err := server.Messages(); err != nil || len(all) != 2 {
		t.Errorf("%d messages, %v", len(all), err)
	}
	if !strings.HasSuffix(server.Maildir(mary), "/mail/new.example.com/mary") {
		t.Errorf("mary's mail is in %s", server.Maildir(mary))
	}
}

// What Postfix took and hands over by LMTP is read by IMAP.
func TestPostfixDelivers(t *testing.T) {
	t.Parallel()
	server := labtest.Dovecot(t, dovecot.Options{})
	postfix := labtest.Private(t, lab.Options{
		Outbound: []lab.Outbound{{Domain: "new.example.com", Address: server.Addr("lmtp"), Protocol: lab.LMTP}},
	})
	c := labtest.Dial(t, postfix.Addr("smtp"), nil)
	c.Expect("220")
	c.Dialogue([][2]string{
		{"ehlo client.example.org", "250"}, {"mail from:<a@example.org>", "250"}, {"rcpt to:<" + lab.User + ">", "250"},
		{"data", "354"}, {"Subject: handed over\r\n\r\nHi\r\n.", "250"}, {"quit", "221"},
	})
	labtest.Delivered(t, server.Messages, "new.example.com/james")
	r := read(t, server.Addr("imaps"), labtest.Trusting(t, server.CAFile()))
	r.say(`LOGIN "`+lab.User+`" "`+lab.Password+`"`, "OK")
	r.say("SELECT INBOX", "OK")
	if got := r.say("FETCH 1 BODY[]", "OK"); !strings.Contains(got, "\r\nSubject: handed over\r\n") {
		t.Errorf("the message is %q", got)
	}
}

// Somebody who reads mail leaves nothing behind either.
func TestStopLeavesNoReader(t *testing.T) {
	t.Parallel()
	server := labtest.Dovecot(t, dovecot.Options{})
	r := read(t, server.Addr("imaps"), labtest.Trusting(t, server.CAFile()))
	r.say(`LOGIN "`+lab.User+`" "`+lab.Password+`"`, "OK")
	r.say("SELECT INBOX", "OK")
	labtest.LeavesNothing(t, server.Daemon)
}

// A login that would be another line or field of the password file is none.
func TestUsersThatCannotBe(t *testing.T) {
	t.Parallel()
	for user, password := range map[string]string{"../x@y": "p", "x@..": "p", "james": "p", "a@b": "p:0:0", "b@c": "p\nroot:"} {
		if server, err := dovecot.Start(t.Context(), dovecot.Options{Users: map[string]string{user: password}}); err == nil {
			t.Errorf("%q, %q: started: %v", user, password, server.Stop())
		}
	}
}
