package demo

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// start starts a demo for one test.
func start(t *testing.T) *Demo {
	t.Helper()
	d, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// client is a plain SMTP client that knows nothing but lines and replies.
type client struct {
	t    *testing.T
	d    *Demo
	conn net.Conn
	in   *bufio.Reader
}

func dial(t *testing.T, d *Demo, target string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", d.Targets()[target])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	c := &client{t: t, d: d, conn: conn, in: bufio.NewReader(conn)}
	if target == "submissions" {
		c.handshake()
	}
	return c
}

func (c *client) handshake() {
	c.t.Helper()
	conn := tls.Client(c.conn, &tls.Config{ServerName: c.d.TLSName(), RootCAs: c.d.CA()})
	if err := conn.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.conn, c.in = conn, bufio.NewReader(conn)
}

func (c *client) send(data string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, data); err != nil {
		c.t.Fatalf("send %q: %v", data, err)
	}
}

// reply returns the next reply, its lines joined by "|".
func (c *client) reply() string {
	c.t.Helper()
	var lines []string
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			c.t.Fatalf("after %q: %v", lines, err)
		}
		line = strings.TrimSuffix(line, "\r\n")
		lines = append(lines, line)
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(lines, "|")
		}
	}
}

// talk runs a conversation: a line to send, and what its reply must begin with,
// in turns. "" sends nothing, "TLS" does a handshake and expects nothing.
func (c *client) talk(turns ...string) {
	c.t.Helper()
	for i := 0; i < len(turns); i += 2 {
		send, want := turns[i], turns[i+1]
		if send == "TLS" {
			c.handshake()
			continue
		}
		if send != "" {
			c.send(send + "\r\n")
		}
		if got := c.reply(); !strings.HasPrefix(got, want) {
			c.t.Fatalf("after %q: got %q, want %q", send, got, want)
		}
	}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

var (
	plainRight = "AUTH PLAIN " + b64("\x00"+userName+"\x00"+userPassword)
	plainWrong = "AUTH PLAIN " + b64("\x00"+userName+"\x00wrong")
)

const (
	greeting = "220 maila.example.com ESMTP"
	offers   = "250-Hello me|250-PIPELINING|250-8BITMIME|250-ENHANCEDSTATUSCODES|250-CHUNKING|"
	offerTLS = offers + "250-STARTTLS|250-SMTPUTF8|250-BINARYMIME|250-DSN|250-SIZE 30720000|250 LIMITS RCPTMAX=100"
	offerOne = offers + "250-AUTH PLAIN LOGIN|250-SMTPUTF8|250-BINARYMIME|250-DSN|250-SIZE"
	denied   = "554 5.7.1 <a@example.com>: Relay access denied"
	ready    = "220 2.0.0 Ready to start TLS"
	mustTLS  = "530 5.7.0 Must issue a STARTTLS command first"
	mustAuth = "530 5.7.0 Authentication required"
	welcome  = "235 2.7.0 Authentication successful"
	wrong    = "535 5.7.8 Error: authentication failed"
	unknown  = "550 5.1.1 <"
	message  = "Subject: hello\r\n\r\nRCPT TO:<postmaster>\r\n..stuffed\r\n."
)

var conversations = []struct {
	name, target string
	turns        []string
}{
	{"known recipient from outside", "smtp", []string{
		"", greeting, "EHLO me", offerTLS,
		"MAIL FROM:<james@example.org>", "250 2.1.0 Ok", "rcpt to:<james@new.example.com>", "250 2.1.5 Ok",
		"RCPT TO:<PostMaster@NEW.example.com>", "250 2.1.5", "rcpt to:<postmaster>", "250 2.1.5",
		"DATA", "354 ", message, "250 2.0.0 Ok: queued as ", "QUIT", "221 2.0.0"}},
	{"relaying refused", "smtp", []string{
		"", greeting, "HELO me", "250 2.0.0 Hello me", "MAIL FROM:<>", "250 2.1.0",
		"RCPT TO:<a@example.com>", denied,
		"RCPT TO:<nobody@new.example.com>", unknown + "nobody@new.example.com>: Recipient address rejected",
		"DATA", "503 5.5.1", "RSET", "250 2.0.0", "RCPT TO:<james@new.example.com>", "503 5.5.1"}},
	{"odd spellings of a relay", "smtp", []string{
		"", greeting, "EHLO me", "250-", "MAIL FROM:<a@example.org>", "250 ",
		"RCPT TO:<x%example.com@new.example.com>", unknown,
		"RCPT TO:<\"x@example.com\"@new.example.com>", unknown,
		"RCPT TO:<\"x\rfoo\"@new.example.com>", unknown + "x?foo@",
		"RCPT TO:<example.com!x@new.example.com>", unknown,
		"RCPT TO:<example.com!x>", "501 5.5.2",
		"RCPT TO:<x@example.com@new.example.com>", unknown,
		"RCPT TO:<x@new.example.com@example.com>", "554 5.7.1",
		"RCPT TO:<@new.example.com:x@example.com>", "554 5.7.1",
		"RCPT TO:<@new.example.com,@a.example:x@example.com>", "554 5.7.1",
		"RCPT TO:<x@[127.0.0.1]>", "554 5.7.1",
		"RCPT TO:<x@new.example.com.>", "554 5.7.1",
		"RCPT TO:<x@localhost>", "554 5.7.1",
		"RCPT TO:<x>", "501 5.5.2",
		"RCPT TO:<" + strings.Repeat("x", 300) + "@example.com>", "501 5.1.3"}},
	{"order and oddities", "smtp", []string{
		"", greeting, "MAIL FROM:<a@example.org>", "503 5.5.1", plainRight, "503 5.5.1", "EHLO me", "250-",
		"MAIL FROM:<a@example.org>", "250 ", "MAIL FROM:<a@example.org>", "503 5.5.1 Nested",
		"EHLO me", "250-", "MAIL FROM:<a@example.org> SIZE=30720001", "552 5.3.4",
		"VRFY james", "252 ", "NOOP", "250 2.0.0", "HELP", "502 "}},
	{"AUTH on smtp", "smtp", []string{
		"", greeting, "EHLO me", offerTLS, plainRight, "523 5.7.10 TLS is required",
		"AUTH LOGIN", "523 ", "STARTTLS", ready, "TLS", "",
		"MAIL FROM:<a@example.org>", "503 5.5.1", "EHLO me", offerOne, "STARTTLS", "503 5.5.1 TLS already active",
		plainWrong, wrong, plainRight, welcome, plainRight, "503 5.5.1 Already",
		"MAIL FROM:<a@example.org>", "250 2.1.0 Ok", "RCPT TO:<a@example.com>", "250 2.1.5 Ok",
		"DATA", "354 ", message, "250 2.0.0 Ok: queued as ", "QUIT", "221 "}},
	{"smtp without login over TLS", "smtp", []string{
		"", greeting, "EHLO me", "250-", "STARTTLS", ready, "TLS", "", "EHLO me", "250-",
		"MAIL FROM:<a@example.org>", "250 2.1.0", "RCPT TO:<a@example.com>", denied, "RCPT TO:<postmaster>", "250 2.1.5"}},
	{"local relays", "local", []string{
		"", greeting, "ehlo me", offerTLS, plainRight, "503 5.5.1 Authentication not enabled",
		"mail from:<james@example.org>", "250 2.1.0 Ok", "rcpt to:<james@example.com>", "250 2.1.5 Ok",
		"rcpt to:<nobody@new.example.com>", unknown,
		"data", "354 ", message, "250 2.0.0 Ok: queued as ", "quit", "221 "}},
	{"local over TLS", "local", []string{
		"", greeting, "EHLO me", "250-", "STARTTLS", ready, "TLS", "", "EHLO me", offers + "250-SMTPUTF8", plainRight, "503 5.5.1"}},
	{"submission", "submission", []string{
		"", greeting, "EHLO me", offerTLS, "MAIL FROM:<a@example.org>", mustTLS, plainRight, "523 5.7.10",
		"STARTTLS", ready, "TLS", "", "EHLO me", offerOne, "MAIL FROM:<a@example.org>", mustAuth,
		"RCPT TO:<james@new.example.com>", "503 5.5.1",
		"AUTH LOGIN", "334 VXNlcm5hbWU6", b64(userName), "334 UGFzc3dvcmQ6", b64("wrong"), wrong,
		"AUTH LOGIN " + b64(userName), "334 UGFzc3dvcmQ6", b64(userPassword), welcome,
		"MAIL FROM:<a@example.org>", "250 2.1.0", "RCPT TO:<a@example.com>", "250 2.1.5",
		"DATA", "354 ", message, "250 2.0.0 Ok"}},
	{"submissions", "submissions", []string{
		"", greeting, "EHLO me", offerOne, "MAIL FROM:<a@example.org>", mustAuth, "STARTTLS", "503 5.5.1",
		"AUTH PLAIN", "334 ", "*", "501 ", "AUTH PLAIN", "334 ", b64("\x00" + userName + "\x00" + userPassword), welcome,
		"MAIL FROM:<a@example.org>", "250 2.1.0", "RCPT TO:<a@example.com>", "250 2.1.5",
		"DATA", "354 ", message, "250 2.0.0 Ok"}},
	{"AUTH gone wrong", "submissions", []string{
		"", greeting, "EHLO me", offerOne,
		"AUTH CRAM-MD5", "504 5.7.4", "AUTH PLAIN ~~~", "454 4.7.0", "AUTH PLAIN =", "501 5.5.2",
		"AUTH PLAIN " + b64("other\x00"+userName+"\x00"+userPassword), wrong,
		"AUTH LOGIN", "334 ", "=", "334 ", "=", wrong}},
}

func TestConversations(t *testing.T) {
	for _, test := range conversations {
		t.Run(test.name, func(t *testing.T) {
			c := dial(t, start(t), test.target)
			c.talk(test.turns...)
		})
	}
}

// TestKept: what was accepted is counted, with the message untouched.
func TestKept(t *testing.T) {
	d := start(t)
	for range maxKept + 1 {
		c := dial(t, d, "local")
		c.talk("", "220 ", "EHLO me", "250-", "MAIL FROM:<a@example.org>", "250 ", "RCPT TO:<b@example.com>", "250 ",
			"DATA", "354 ", message, "250 ", "QUIT", "221 ")
	}
	kept := d.Messages()
	if d.Count() != maxKept+1 || len(kept) != maxKept {
		t.Fatalf("count %d, kept %d", d.Count(), len(kept))
	}
	got := kept[0]
	// Less the final dot and the dot that was stuffed.
	if want := int64(len(message) - 2); got.Size != want {
		t.Errorf("size %d, want %d: message text was changed", got.Size, want)
	}
	if got.Target != "local" || got.From != "a@example.org" || fmt.Sprint(got.To) != "[b@example.com]" || got.ID == "" {
		t.Errorf("kept %+v", got)
	}
}

// TestPipelining: commands in one segment are obeyed in order, also behind a
// chunk that ends within a line.
func TestPipelining(t *testing.T) {
	d := start(t)
	c := dial(t, d, "smtp")
	c.talk("", "220 ", "EHLO me", "250-")
	c.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<postmaster>\r\nDATA\r\n")
	c.talk("", "250 2.1.0", "", "250 2.1.5", "", "354 ")
	c.send("x\r\n.\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<postmaster>\r\n" +
		"BDAT 24\r\nRCPT TO:<postmaster>\r\nxxBDAT 4 LAST\r\nxxxx")
	c.talk("", "250 2.0.0 Ok", "", "250 2.1.0", "", "250 2.1.5", "", "250 2.0.0 Continue", "", "250 2.0.0 Ok")
	c.talk("RCPT TO:<postmaster>", "503 ", "NOOP", "250 ")
	if got := d.Messages(); len(got) != 2 || got[1].Size != 28 {
		t.Errorf("kept %+v", got)
	}
}

// TestInjection: what comes in clear behind STARTTLS is never answered.
func TestInjection(t *testing.T) {
	c := dial(t, start(t), "smtp")
	c.talk("", "220 ", "EHLO me", "250-")
	c.send("STARTTLS\r\nNOOP\r\n")
	c.talk("", ready, "TLS", "", "EHLO again", "250-Hello again")
}

func TestLongLine(t *testing.T) {
	c := dial(t, start(t), "smtp")
	c.talk("", "220 ")
	c.send(strings.Repeat("x", 2*maxLine) + "\r\n")
	c.talk("", "500 ")
	if _, err := c.in.ReadByte(); err == nil {
		t.Error("the connection stayed open")
	}
}

// TestBrokenHandshake: no line of SMTP goes in clear where TLS was promised.
func TestBrokenHandshake(t *testing.T) {
	d := start(t)
	for _, target := range []string{"smtp", "submissions"} {
		t.Run(target, func(t *testing.T) {
			conn, err := net.Dial("tcp", d.Targets()[target])
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			c := &client{t: t, d: d, conn: conn, in: bufio.NewReader(conn)}
			if target == "smtp" {
				c.talk("", "220 ", "EHLO me", "250-", "STARTTLS", ready)
			}
			c.send("EHLO in clear\r\n")
			rest, _ := io.ReadAll(c.in)
			if strings.Contains(string(rest), "0 ") || strings.Contains(string(rest), "example.com") {
				t.Errorf("in clear: %q", rest)
			}
		})
	}
}

// TestClose: connections of every state end, and so does the server.
func TestClose(t *testing.T) {
	d := start(t)
	var open []*client
	for target := range d.Targets() {
		c := dial(t, d, target)
		c.talk("", "220 ", "EHLO me", "250-")
		open = append(open, c)
	}
	handed := dial(t, d, "smtp")
	handed.talk("", "220 ", "EHLO me", "250-", "STARTTLS", ready)
	writing := dial(t, d, "local")
	writing.talk("", "220 ", "EHLO me", "250-", "MAIL FROM:<a@b.example>", "250 ", "RCPT TO:<a@b.example>", "250 ", "DATA", "354 ")
	d.Close()
	d.Close()
	for _, c := range append(open, handed, writing) {
		io.Copy(io.Discard, c.conn) // ends, or the deadline fails the test
		if _, err := c.in.ReadByte(); err == nil {
			t.Error("a connection survived")
		}
	}
	if _, err := net.Dial("tcp", d.Targets()["smtp"]); err == nil {
		t.Error("still listening")
	}
}

func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d, err := Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, d, "smtp")
	c.talk("", "220 ")
	cancel()
	if _, err := c.in.ReadByte(); err == nil {
		t.Error("a connection survived the context")
	}
	d.Close()
	if _, err := Start(ctx); err == nil {
		t.Error("started with a context that was done")
	}
}

func TestCertificate(t *testing.T) {
	d := start(t)
	c := dial(t, d, "submissions")
	state := c.conn.(*tls.Conn).ConnectionState()
	leaf := state.PeerCertificates[0]
	if leaf.Subject.CommonName != d.TLSName() || leaf.Issuer.String() != leaf.Subject.String() || leaf.VerifyHostname(d.TLSName()) != nil {
		t.Errorf("subject %s, issuer %s", leaf.Subject, leaf.Issuer)
	}
	if days := time.Until(leaf.NotAfter).Hours() / 24; days < 89 || days > 90 {
		t.Errorf("valid for %.1f days", days)
	}
	if !d.CA().Equal(d.certificate.Pool) || len(d.CAPEM()) == 0 {
		t.Error("CA and CAPEM differ from what is served")
	}
	if d.User() != "james@new.example.com" || d.Secrets()["password"] != d.Password() || len(d.Hosted()) != 2 {
		t.Error("the site is not the documented one")
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		d, err := Start(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		d.Close()
	}
}
