package server_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"smtplay/engine/server"
)

// patience bounds everything that a client here waits for.
const patience = 10 * time.Second

// client is a plain client that knows nothing but bytes.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dial(t *testing.T, srv *server.Server) *client {
	t.Helper()
	network := srv.Network
	if network == "" {
		network = "tcp"
	}
	conn, err := net.Dial(network, srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return over(t, conn)
}

func over(t *testing.T, conn net.Conn) *client {
	conn.SetDeadline(time.Now().Add(patience))
	return &client{t: t, conn: conn, in: bufio.NewReader(conn)}
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

// talk runs a conversation: what to send, without CRLF, and what the reply must
// begin with, in turns. "" sends nothing, or expects nothing.
func (c *client) talk(turns ...string) {
	c.t.Helper()
	for i := 0; i < len(turns); i += 2 {
		if turns[i] != "" {
			c.send(turns[i] + "\r\n")
		}
		if want := turns[i+1]; want != "" {
			if got := c.reply(); !strings.HasPrefix(got, want) {
				c.t.Fatalf("after %q: got %q, want %q", turns[i], got, want)
			}
		}
	}
}

// rest reads to the end of the connection.
func (c *client) rest() (string, error) {
	data, err := io.ReadAll(c.in)
	return string(data), err
}

func (c *client) handshake(cert *server.Certificate) {
	c.t.Helper()
	conn := tls.Client(c.conn, &tls.Config{ServerName: "localhost", RootCAs: cert.Pool})
	if err := conn.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.conn, c.in = conn, bufio.NewReader(conn)
}

// certificate returns a good certificate for localhost.
func certificate(t *testing.T) *server.Certificate {
	t.Helper()
	made, err := server.MakeCertificate(server.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// wantErr fails unless err is the one wanted; nil is wanted literally.
func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if want == nil && err != nil || !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}
