package server_test

import (
	"crypto/tls"
	"encoding/base64"
	"net"
	"strings"
	"testing"

	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

// taped plays a session that is recorded, and returns the transcript of it.
func taped(t *testing.T, redact *transcript.Redactor, play func(*server.Session), talk func(*client)) string {
	t.Helper()
	l := listen(t, server.ListenOptions{})
	c := connect(t, l)
	done := make(chan bool)
	go func() {
		defer close(done)
		talk(c)
		c.conn.Close()
	}()
	s := accept(t, l)
	log := &transcript.Log{Redactor: redact}
	s.Record(log, 2, "mx")
	play(s)
	s.Close()
	<-done
	events, dropped := log.Events()
	if dropped > 0 {
		t.Errorf("%d events are gone", dropped)
	}
	text := []byte(transcript.Header + "\n")
	for _, e := range events {
		text = transcript.AppendEvent(text, e)
	}
	if again, err := transcript.Decode(text); err != nil || len(again) == 0 || again[0].Kind != transcript.Accept {
		t.Errorf("%v:\n%s", err, text)
	}
	return strings.TrimPrefix(string(text), transcript.Header+"\n")
}

// TestTape: what is kept of a session, with the reason for each line.
func TestTape(t *testing.T) {
	cert, err := server.CertificateNamed(server.FlawNone, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	polite := func(p server.Polite) func(*server.Session) {
		return func(s *server.Session) { p.Play(s) }
	}
	tests := []struct {
		name string
		play func(*server.Session)
		talk func(*client)
		want string
	}{
		{"a message, dots as they came", polite(server.Polite{Capabilities: []string{}}), func(c *client) {
			c.talk("", "220 ", "EHLO me", "250 ", "MAIL FROM:<a@b.example>", "250 ", "RCPT TO:<c@d.example>", "250 ", "DATA", "354 ", "..a\r\nAUTH PLAIN x\r\n.", "250 ", "QUIT", "221 ")
		}, `
*2 accept mx from 127.0.0.1
S2: 220 server.example.com ESMTP
C2: EHLO me
S2: 250 server.example.com
C2: MAIL FROM:<a@b.example>
S2: 250 2.1.0 Ok
C2: RCPT TO:<c@d.example>
S2: 250 2.1.5 Ok
C2: DATA
S2: 354 End data with <CR><LF>.<CR><LF>
C2: ..a
C2: AUTH PLAIN x
C2: .
S2: 250 2.0.0 Ok: queued as 00010001
C2: QUIT
S2: 221 2.0.0 Bye
*2 close server
`},
		{"a client that leaves within the text", polite(server.Polite{Capabilities: []string{}}), func(c *client) {
			c.talk("", "220 ", "HELO me", "250 ", "MAIL FROM:<>", "250 ", "RCPT TO:<c@d.example>", "250 ", "DATA", "354 ", "half a line", "")
		}, `
*2 accept mx from 127.0.0.1
S2: 220 server.example.com ESMTP
C2: HELO me
S2: 250 server.example.com
C2: MAIL FROM:<>
S2: 250 2.1.0 Ok
C2: RCPT TO:<c@d.example>
S2: 250 2.1.5 Ok
C2: DATA
S2: 354 End data with <CR><LF>.<CR><LF>
C2: half a line
*2 close client
`},
		{"text by hand, and a chunk", func(s *server.Session) {
			s.Reply("354 go")
			for range 3 {
				s.ReadLine()
			}
			s.Raw("250 o")
			s.Raw("k\r\n")
			s.ReadBytes(4)
			s.Note("that was it")
		}, func(c *client) {
			c.talk("", "354", "AUTH PLAIN "+saslPlain("a", "password-in-text")+"\r\nYWJjZGVmZw==\r\n.", "250 ok")
			c.send("a\nb\n")
			c.rest()
		}, `
*2 accept mx from 127.0.0.1
S2: 354 go
C2: AUTH PLAIN ` + saslPlain("a", "password-in-text") + `
C2: YWJjZGVmZw==
C2: .
S2: 250 o\
S2: k
C2: a\x0a
C2: b\x0a
*2 note that was it
*2 close server
`},
		{"TLS, and our reset", func(s *server.Session) {
			s.StartTLS(cert.ServerConfig())
			s.ReadLine()
			s.Reset()
		}, func(c *client) {
			conn := tls.Client(c.conn, &tls.Config{ServerName: "localhost", RootCAs: cert.Pool})
			c.conn = conn
			c.send("NOOP\r\n")
			conn.Read(make([]byte, 1))
		}, `
*2 accept mx from 127.0.0.1
*2 tls TLS1.3 TLS_AES_128_GCM_SHA256 as CN=localhost
C2: NOOP
*2 close reset
`},
		{"a certificate that is refused", func(s *server.Session) { s.StartTLS(cert.ServerConfig()) }, func(c *client) {
			tls.Client(c.conn, &tls.Config{ServerName: "other.example", RootCAs: cert.Pool}).Handshake()
		}, `
*2 accept mx from 127.0.0.1
*2 note the TLS handshake failed: the client refused it: bad certificate
*2 close client
`},
		{"the client's reset", func(s *server.Session) { s.ReadLine() }, func(c *client) {
			c.conn.(*net.TCPConn).SetLinger(0)
		}, `
*2 accept mx from 127.0.0.1
*2 note the client reset the connection
*2 close client
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := "\n" + taped(t, nil, tt.play, tt.talk); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestTapeLogin: no password that a client says is in the transcript, however
// it comes, nor where it stands later; what a declared one is called stays.
func TestTapeLogin(t *testing.T) {
	const declared, undeclared = "declared-Pw-1", "undeclared-Pw-2"
	p := server.Polite{Users: map[string]string{"james": declared}, Mechanisms: []string{"PLAIN", "LOGIN", "CRAM-MD5"}, On: server.Answers{
		"rset": server.Do(func(s *server.Session) { s.Reply("250 I heard " + undeclared) })}}
	tests := []struct {
		name  string
		turns []string
		want  string // a line of the transcript
	}{
		{"PLAIN at once", []string{"AUTH PLAIN " + saslPlain("james", declared), "235 "}, "C2: AUTH PLAIN [sasl user=james secret=mine]"},
		{"in a line of its own", []string{"AUTH PLAIN", "334 ", saslPlain("james", declared), "235 "}, "C2: [sasl user=james secret=mine]"},
		{"LOGIN", []string{"AUTH LOGIN", "334 ", b64("james"), "334 ", b64(declared), "235 "}, "C2: [secret:mine]"},
		{"one that nobody declared, echoed", []string{"AUTH PLAIN " + saslPlain("x", undeclared), "535 ", "RSET", "250 "}, "S2: 250 I heard [secret:password]"},
		{"of a line that is too much", []string{"AUTH LOGIN", "334 ", "*", "501 ", "NOOP", "250 "}, "C2: *"},
		{"typed ahead", []string{"AUTH LOGIN\r\n" + b64("james") + "\r\n" + b64(undeclared), "334 ", "", "334 ", "", "535 "}, "C2: [secret:password]"},
		{"in spaces", []string{"  AUTH   PLAIN   " + saslPlain("james", undeclared), "500 "}, "C2:   AUTH   PLAIN   [sasl user=james secret=password]"},
		{"a proof", []string{"AUTH CRAM-MD5", "334 ", b64("james 00112233445566778899aabbccddeeff"), "535 "}, "C2: [sasl user=james]"},
		{"no base64", []string{"AUTH PLAIN " + undeclared, "501 "}, "C2: AUTH PLAIN [sasl]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			redact := &transcript.Redactor{}
			redact.Add("mine", declared)
			got := taped(t, redact, func(s *server.Session) { p.Play(s) }, func(c *client) { c.talk(append(hello, tt.turns...)...) })
			if !strings.Contains(got, tt.want+"\n") {
				t.Errorf("no line %q in\n%s", tt.want, got)
			}
			for _, password := range []string{declared, undeclared} {
				for _, form := range []string{password, base64.RawStdEncoding.EncodeToString([]byte(password)), saslPlain("james", password), "00112233445566778899aabbccddeeff"} {
					if strings.Contains(got, form) {
						t.Errorf("%q is shown:\n%s", form, got)
					}
				}
			}
		})
	}
}

// TestTapeLoginByHand: nor where a server that is played by hand reads it in other
// ways, and whoever plays it says it again.
func TestTapeLoginByHand(t *testing.T) {
	const password = "undeclared-Pw-2"
	line := b64(password) + "\r\n"
	tests := []struct {
		name string
		play func(*server.Session) string
		said string
	}{
		{"LOGIN that asks for the password first", func(s *server.Session) string {
			s.ReadLine()
			s.Reply("334 " + b64("Password:"))
			got, _ := s.ReadLine()
			return got
		}, "AUTH LOGIN\r\n" + line},
		{"LOGIN, typed ahead and not asked for", func(s *server.Session) string {
			s.ReadLine()
			s.ReadLine()
			got, _ := s.ReadLine()
			return got
		}, "AUTH LOGIN\r\n" + b64("james") + "\r\n" + line},
		{"LOGIN with the name, typed ahead and not asked for", func(s *server.Session) string {
			s.ReadLine()
			got, _ := s.ReadLine()
			return got
		}, "AUTH LOGIN " + b64("james") + "\r\n" + line},
		{"PLAIN that was refused at once", func(s *server.Session) string {
			s.ReadLine()
			s.Reply("503 no")
			got, _ := s.ReadLine()
			return got
		}, "AUTH PLAIN\r\n" + saslPlain("james", password) + "\r\n"},
		{"as octets", func(s *server.Session) string {
			s.ReadLine()
			s.Reply("334 ")
			got, _ := s.ReadBytes(len(saslPlain("james", password)) + 2)
			return got
		}, "AUTH PLAIN\r\n" + saslPlain("james", password) + "\r\n"},
		{"as message text", func(s *server.Session) string {
			s.ReadLine()
			s.Reply("334 ")
			got, _ := s.ReadData()
			return got
		}, "AUTH PLAIN\r\n" + saslPlain("james", password) + "\r\n.\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := taped(t, &transcript.Redactor{}, func(s *server.Session) {
				heard := tt.play(s)
				plain, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(heard))
				s.Note("it was " + strings.TrimSpace(heard))
				s.Note("that is " + strings.ReplaceAll(string(plain), "\x00", " "))
			}, func(c *client) { c.send(tt.said); c.rest() })
			for _, form := range []string{password, b64(password), saslPlain("james", password)} {
				if strings.Contains(got, form) {
					t.Errorf("%q is shown:\n%s", form, got)
				}
			}
			if !strings.Contains(got, "* note that is ") && !strings.Contains(got, "*2 note that is ") {
				t.Errorf("not played to its end:\n%s", got)
			}
		})
	}
}

// TestTapeProof: neither side's proof of SCRAM is shown.
func TestTapeProof(t *testing.T) {
	redact := &transcript.Redactor{}
	proof := b64("v=" + b64("the server's signature"))
	got := taped(t, redact, func(s *server.Session) {
		s.ReadLine()
		s.Reply("334 ")
		s.ReadLine()
		s.Reply("334 " + proof)
		s.Reply("250 it was " + b64("the server's signature"))
	}, func(c *client) {
		c.talk("AUTH SCRAM-SHA-256", "334 ", b64("n,,n=james,r=abcdefgh"), "334 ", "", "250 ")
	})
	if !strings.Contains(got, "S2: 334 [secret:proof]\n") || !strings.Contains(got, "S2: 250 it was [secret:proof]\n") {
		t.Errorf("a proof is shown:\n%s", got)
	}
}

// TestTapeAgain: a recorded visit is played as a server's side.
func TestTapeAgain(t *testing.T) {
	cert := certificate(t)
	turns := []string{"", "220 ", "EHLO me", "250-", "STARTTLS", "220 "}
	text := taped(t, nil, func(s *server.Session) { server.Polite{TLS: cert.ServerConfig()}.Play(s) }, func(c *client) {
		c.talk(turns...)
		c.handshake(cert)
		c.talk("EHLO me", "250-", "VRFY x", "252 ", "QUIT", "221 ")
	})
	r := record(t, []byte(transcript.Header+"\n"+text))
	if targets := r.Targets(); len(targets) != 1 || targets[0].Name != "mx" {
		t.Errorf("targets %+v", targets)
	}
	c := dial(t, r.start(t))
	c.talk(turns...)
	ca, err := r.CA()
	if err != nil {
		t.Fatal(err)
	}
	made, err := server.MakeCertificate(server.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	made.Pool.AppendCertsFromPEM(ca)
	c.handshake(made)
	c.talk("EHLO me", "250-", "VRFY x", "252 ", "QUIT", "221 ")
	c.rest()
	if left := r.departures(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
