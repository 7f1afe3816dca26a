package labtest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
)

// A Client is one conversation, as plain as it can be: for tests that have the server itself in view.
// What is not as wanted ends the test.
type Client struct {
	Conn net.Conn // of the whole conversation, the TLS in it included

	t    testing.TB
	text *textproto.Reader
}

// Dial connects to a listener, with TLS from the first byte if trust is not nil, and reads no greeting.
func Dial(t testing.TB, addr string, trust *tls.Config) *Client {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	c := &Client{t: t}
	c.over(conn)
	if trust != nil {
		c.Handshake(trust)
	}
	return c
}

func (c *Client) over(conn net.Conn) {
	c.Conn = conn
	c.text = textproto.NewReader(bufio.NewReader(conn))
}

// Handshake makes the rest of the conversation TLS.
func (c *Client) Handshake(trust *tls.Config) {
	c.t.Helper()
	secure := tls.Client(c.Conn, trust)
	if err := secure.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.over(secure)
}

// reply reads one reply, its lines joined by LF.
func (c *Client) reply() string {
	c.t.Helper()
	var lines []string
	for {
		line, err := c.text.ReadLine()
		if err != nil {
			c.t.Fatalf("after %q: %v", lines, err)
		}
		lines = append(lines, line)
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(lines, "\n")
		}
	}
}

// Expect reads a reply that must begin so.
func (c *Client) Expect(want string) string {
	c.t.Helper()
	got := c.reply()
	if !strings.HasPrefix(got, want) {
		c.t.Fatalf("got reply %q, want %q", got, want)
	}
	return got
}

// Say sends a line and expects its reply.
func (c *Client) Say(line, want string) string {
	c.t.Helper()
	if _, err := c.Conn.Write([]byte(line + "\r\n")); err != nil {
		c.t.Fatal(err)
	}
	return c.Expect(want)
}

// StartTLS goes through STARTTLS and says EHLO again.
func (c *Client) StartTLS(trust *tls.Config) string {
	c.t.Helper()
	c.Say("starttls", "220")
	c.Handshake(trust)
	return c.Say("ehlo client.example.org", "250")
}

// Dialogue says each line of a two-column table.
func (c *Client) Dialogue(lines [][2]string) {
	c.t.Helper()
	for _, l := range lines {
		c.Say(l[0], l[1])
	}
}

// A View is what a client sees of one listener.
type View struct {
	Listener string
	Wrapped  bool        // TLS from the first byte
	TLS      bool        // after STARTTLS
	Has      string      // in the reply to the EHLO that counts
	HasNot   string      // not in it
	Lines    [][2]string // what is said then, and how each reply begins
}

// String names the view.
func (v View) String() string {
	if v.TLS {
		return v.Listener + " over TLS"
	}
	return v.Listener
}

// Check plays the view at an address whose server shows a certificate of that file's CA and
// greets so, up to the last of its lines.
func (v View) Check(t testing.TB, addr, caFile, greeting string) *Client {
	t.Helper()
	trust := Trusting(t, caFile)
	var first *tls.Config
	if v.Wrapped {
		first = trust
	}
	c := Dial(t, addr, first)
	c.Expect(greeting)
	ehlo := c.Say("ehlo client.example.org", "250")
	if v.TLS {
		ehlo = c.StartTLS(trust)
	}
	if !strings.Contains(ehlo, v.Has) {
		t.Errorf("the reply to EHLO lacks %q: %q", v.Has, ehlo)
	}
	if strings.Contains(ehlo, v.HasNot) {
		t.Errorf("the reply to EHLO has %q: %q", v.HasNot, ehlo)
	}
	c.Dialogue(v.Lines)
	return c
}

// Trusting believes the CA of that file, and nobody else, for the lab's hostname.
func Trusting(t testing.TB, caFile string) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatal("no certificate in the CA's file")
	}
	return &tls.Config{RootCAs: roots, ServerName: lab.Hostname}
}
