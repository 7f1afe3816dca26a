package lab_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
)

// goodLogin and badLogin are initial responses of AUTH PLAIN.
var (
	goodLogin = base64.StdEncoding.EncodeToString([]byte("\x00" + lab.User + "\x00" + lab.Password))
	badLogin  = base64.StdEncoding.EncodeToString([]byte("\x00" + lab.User + "\x00wrong"))
)

// A client is one conversation, as plain as it can be: the server is under test here.
type client struct {
	t    testing.TB
	conn net.Conn
	text *textproto.Reader
}

// dial connects to a listener, with TLS from the first byte if trust is not nil.
func dial(t testing.TB, addr string, trust *tls.Config) *client {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	c := &client{t: t}
	c.over(conn)
	if trust != nil {
		c.handshake(trust)
	}
	c.expect("220 maila.example.com ESMTP Postfix")
	return c
}

func (c *client) over(conn net.Conn) {
	c.conn = conn
	c.text = textproto.NewReader(bufio.NewReader(conn))
}

// handshake makes the rest of the conversation TLS.
func (c *client) handshake(trust *tls.Config) {
	c.t.Helper()
	secure := tls.Client(c.conn, trust)
	if err := secure.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.over(secure)
}

// reply reads one reply, its lines joined by LF.
func (c *client) reply() string {
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

// expect reads a reply that must begin so.
func (c *client) expect(want string) string {
	c.t.Helper()
	got := c.reply()
	if !strings.HasPrefix(got, want) {
		c.t.Fatalf("got reply %q, want %q", got, want)
	}
	return got
}

// say sends a line and expects its reply.
func (c *client) say(line, want string) string {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(line + "\r\n")); err != nil {
		c.t.Fatal(err)
	}
	return c.expect(want)
}

// startTLS goes through STARTTLS and says EHLO again.
func (c *client) startTLS(trust *tls.Config) string {
	c.t.Helper()
	c.say("starttls", "220")
	c.handshake(trust)
	return c.say("ehlo client.example.org", "250")
}

// dialogue says each line of a two-column table.
func (c *client) dialogue(lines [][2]string) {
	c.t.Helper()
	for _, l := range lines {
		c.say(l[0], l[1])
	}
}

// trusting believes the lab's CA, and nobody else.
func trusting(t testing.TB, server *lab.Postfix) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(server.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatal("no certificate in the CA's file")
	}
	return &tls.Config{RootCAs: roots, ServerName: lab.Hostname}
}
