package server_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"smtplay/engine/server"
)

// visit plays one session of p and returns what is told of it.
func visit(t *testing.T, p server.Polite, talk func(*client)) *server.Visit {
	t.Helper()
	l := listen(t, server.ListenOptions{})
	c := connect(t, l)
	done := make(chan bool)
	go func() {
		defer close(done)
		talk(c)
		c.conn.Close()
	}()
	v := p.Play(accept(t, l))
	<-done
	return v
}

// said has a client talk.
func said(turns ...string) func(*client) { return func(c *client) { c.talk(turns...) } }

func TestVisit(t *testing.T) {
	v := visit(t, server.Polite{Users: users, On: server.Answers{"rcpt 2": server.Send("550-no\r\n550 5.1.1 never\r\n"), ". 2": server.Say("451 later")}}, said(after(hello,
		"AUTH PLAIN "+saslPlain("james", "secret"), "235 ",
		"MAIL FROM:<a@b.example> SIZE=12 body=8BITMIME", "250 ", "RCPT TO:<1@b.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@c", "250 ", "RCPT TO:<2@b.example>", "550-", "DATA", "354 ", "one\r\n.", "250 ",
		"MAIL FROM:<>", "250 ", "RCPT TO:<3@b.example>", "250 ", "DATA", "354 ", "two\r\n.", "451 ",
		"MAIL FROM:<x@b.example>", "250 ", "RSET", "250 ", "MAIL FROM:<y@b.example>", "250 ", "QUIT", "221 ")...))
	if v.Session != 1 || v.Peer != "127.0.0.1" || v.Verb != "EHLO" || v.Helo != "me" || v.User != "james" || v.TLS != nil || !v.Quit || v.Ended != server.EndedByQuit || v.Err != nil {
		t.Errorf("got %+v", v)
	}
	var got []string
	for _, m := range v.Messages {
		got = append(got, fmt.Sprintf("%s>%s complete %t accepted %t %q: %s", m.From, strings.Join(m.To, ","), m.Complete, m.Accepted, m.Data, m.Reply))
	}
	want := []string{
		`a@b.example>1@b.example complete true accepted true "one\r\n": 250 2.0.0 Ok: queued as 00010001`,
		`>3@b.example complete true accepted false "two\r\n": 451 later`,
		`x@b.example> complete false accepted false "": `,
		`y@b.example> complete false accepted false "": `,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	first := v.Messages[0]
	if want := (server.Parameters{Raw: "SIZE=12 body=8BITMIME", Values: map[string]string{"SIZE": "12", "BODY": "8BITMIME"}}); !reflect.DeepEqual(first.Parameters, want) {
		t.Errorf("of MAIL %+v", first.Parameters)
	}
	if want := []server.Recipient{
		{Address: "1@b.example", Accepted: true, Reply: "250 2.1.5 Ok", Parameters: server.Parameters{Raw: "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@c", Values: map[string]string{"NOTIFY": "SUCCESS,FAILURE", "ORCPT": "rfc822;a+2Bb@c"}}},
		{Address: "2@b.example", Reply: "550-no\r\n550 5.1.1 never"}}; !reflect.DeepEqual(first.Recipients, want) {
		t.Errorf("recipients %+v", first.Recipients)
	}
	if given := v.Replies[2]; given != (server.Given{Key: "auth", Ordinal: 1, Argument: "PLAIN", Reply: "235 2.7.0 Authentication successful"}) {
		t.Errorf("of AUTH %+v", given)
	}
	if last := v.Replies[len(v.Replies)-1]; last.Key != "quit" || last.Reply != "221 2.0.0 Bye" {
		t.Errorf("last %+v", last)
	}
}

// TestVisitSecrets: what a client says of its password is not in a visit, however
// it comes.
func TestVisitSecrets(t *testing.T) {
	const password = "some-Password-1"
	v := visit(t, server.Polite{Users: users}, said(after(hello, "AUTH PLAIN "+saslPlain("x", password), "535 ", "  AUTH PLAIN "+saslPlain("x", password), "500 ",
		"AUTH LOGIN", "334 ", b64("x"), "334 ", b64(password), "535 ", b64(password), "500 ", "AUTH PLAIN", "334 ", saslPlain("x", password), "535 ")...))
	all := strings.ToLower(fmt.Sprintf("%+v", v))
	for _, form := range []string{password, b64(password), saslPlain("x", password)} {
		if strings.Contains(all, strings.ToLower(form)) {
			t.Errorf("%q is in %s", form, all)
		}
	}
}

// TestVisitEnds: each way to end, and whose doing it is.
func TestVisitEnds(t *testing.T) {
	cert := certificate(t)
	tests := []struct {
		reason string
		p      server.Polite
		talk   func(*client)
		want   server.Ended
		err    error
	}{
		{"QUIT", server.Polite{}, said("", "220 ", "QUIT", "221 "), server.EndedByQuit, nil},
		{"QUIT that is refused", server.Polite{On: server.Answers{"quit": server.Say("500 no")}}, said("", "220 ", "QUIT", "500 "), server.EndedByQuit, nil},
		{"gone at once", server.Polite{}, said(), server.EndedByClient, nil},
		{"gone within a command", server.Polite{}, said("", "220 ", "NOO\r", ""), server.EndedByClient, nil},
		{"we drop", server.Polite{On: server.Answers{"noop": server.Answer{}.Then(server.Drop)}}, func(c *client) { c.talk("", "220 ", "NOOP", ""); c.rest() }, server.EndedByServer, nil},
		{"we reset", server.Polite{On: server.Answers{"noop": server.Say("421 x").Then(server.Reset)}}, func(c *client) { c.talk("", "220 ", "NOOP", ""); c.rest() }, server.EndedByServer, nil},
		{"we are silent, and the client leaves", server.Polite{On: server.Answers{"noop": server.Answer{}.Then(server.Silence)}}, said("", "220 ", "NOOP", ""), server.EndedByClient, nil},
		{"a line without end", server.Polite{}, func(c *client) { c.talk("", "220 "); io.WriteString(c.conn, strings.Repeat("x", 70<<10)); c.rest() }, server.EndedByFault, server.ErrTooLong},
		{"a handshake that is refused", server.Polite{TLS: cert.ServerConfig()}, func(c *client) {
			c.talk("", "220 ", "STARTTLS", "220 ")
			tls.Client(c.conn, &tls.Config{ServerName: "other.example", RootCAs: cert.Pool}).Handshake()
		}, server.EndedHandshake, nil},
		{"no TLS where it is due", server.Polite{TLS: cert.ServerConfig(), ImplicitTLS: true}, func(c *client) { c.send("EHLO me\r\n"); c.rest() }, server.EndedHandshake, nil},
		{"left instead of a handshake", server.Polite{TLS: cert.ServerConfig()}, said("", "220 ", "STARTTLS", "220 "), server.EndedHandshake, nil},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			v := visit(t, tt.p, tt.talk)
			if v.Ended != tt.want {
				t.Errorf("ended by %v (%v), want %v", v.Ended, v.Err, tt.want)
			}
			wantErr(t, v.Err, tt.err)
			if (v.Handshake != nil) != (tt.want == server.EndedHandshake) {
				t.Errorf("handshake: %v", v.Handshake)
			}
			if tt.reason == "a handshake that is refused" && (v.Handshake.Alert != "bad certificate" || v.Replies[1].Reply != "220 2.0.0 Ready to start TLS") {
				t.Errorf("%+v, %+v", v.Handshake, v.Replies)
			}
		})
	}
	t.Run("time is up within a handshake", func(t *testing.T) {
		l := listen(t, server.ListenOptions{Timeout: 50 * time.Millisecond})
		connect(t, l)
		v := server.Polite{TLS: cert.ServerConfig(), ImplicitTLS: true}.Play(accept(t, l))
		if v.Ended != server.EndedByTimeout || v.Handshake != nil {
			t.Errorf("ended by %v, handshake: %v", v.Ended, v.Handshake)
		}
		wantErr(t, v.Err, server.ErrTimeout)
	})
	for name, end := range map[string]func(*server.Listener, *server.Session){
		"timeout": func(_ *server.Listener, s *server.Session) { s.SetTimeout(time.Millisecond) },
		"closed":  func(l *server.Listener, _ *server.Session) { l.Close() },
	} {
		for _, ending := range []server.Ending{server.Continue, server.Hang, server.Silence} {
			l := listen(t, server.ListenOptions{})
			c := connect(t, l)
			s := accept(t, l)
			v := server.Polite{Answer: func(q server.Question) (server.Answer, bool) {
				end(l, s)
				return server.Answer{}.Then(ending), true
			}}.Play(s)
			if v.Ended.String() != name {
				t.Errorf("%s, %s: ended by %v, %v", name, ending, v.Ended, v.Err)
			}
			s.Close()
			c.rest()
		}
	}
}

// TestAnswer: a function decides, knowing what was asked; what it leaves is
// answered by On, for the time, for the address, for every time.
func TestAnswer(t *testing.T) {
	var asked []string
	p := server.Polite{
		Answer: func(q server.Question) (server.Answer, bool) {
			asked = append(asked, fmt.Sprintf("%s %d %q %q of %s %v %q", q.Key, q.Ordinal, q.Argument, q.Line, q.Visit.Helo, q.Message.To, q.Message.Data))
			if q.Key == "rcpt" && strings.HasPrefix(q.Argument, "grey") && q.Ordinal == 1 {
				return server.Say("451 4.7.1 come back"), true
			}
			if q.Key == "." && strings.Contains(q.Message.Data, "virus") {
				return server.Say("554 5.7.1 " + q.Message.To[0]), true
			}
			return server.Answer{}, false
		},
		On: server.Answers{"rcpt bob@B.example": server.Say("550 5.1.1 no bob"), "rcpt": server.Say("250 any"), "rcpt 4": server.Say("452 fourth")},
	}
	v := visit(t, p, said(after(hello, "MAIL FROM:<a@b.example> SIZE=1", "250 ", "RCPT TO:<grey@b.example>", "451 ", "RCPT TO:<bob@b.EXAMPLE>", "550 5.1.1 no bob",
		"RCPT TO:<Bob@b.example>", "250 any", "RCPT TO:<bob@b.example>", "452 fourth", "RCPT TO:<grey@b.example>", "250 any", "DATA", "354 ", "virus\r\n.", "554 5.7.1 Bob@b.example", "QUIT", "221 ")...))
	want := []string{
		`greeting 1 "" "" of  [] ""`, `ehlo 1 "me" "EHLO me" of  [] ""`, `mail 1 "a@b.example" "MAIL FROM:<a@b.example> SIZE=1" of me [] ""`,
		`rcpt 1 "grey@b.example" "RCPT TO:<grey@b.example>" of me [] ""`, `rcpt 2 "bob@b.EXAMPLE" "RCPT TO:<bob@b.EXAMPLE>" of me [] ""`,
		`rcpt 3 "Bob@b.example" "RCPT TO:<Bob@b.example>" of me [] ""`, `rcpt 4 "bob@b.example" "RCPT TO:<bob@b.example>" of me [Bob@b.example] ""`,
		`rcpt 5 "grey@b.example" "RCPT TO:<grey@b.example>" of me [Bob@b.example] ""`, `data 1 "" "DATA" of me [Bob@b.example grey@b.example] ""`,
		`. 1 "" "" of me [Bob@b.example grey@b.example] "virus\r\n"`, `quit 1 "" "QUIT" of me [] ""`,
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(asked, "\n"), strings.Join(want, "\n"))
	}
	if len(v.Messages) != 1 || len(v.Messages[0].Recipients) != 5 || v.Messages[0].Accepted {
		t.Errorf("got %+v", v.Messages)
	}
	// In LMTP each recipient has an answer of its own to the message.
	v = visit(t, server.Polite{LMTP: true, On: server.Answers{". 2@b.example": server.Say("452 4.2.2 full")}}, said("", "220 ", "LHLO me", "250-", "MAIL FROM:<>", "250 ",
		"RCPT TO:<1@b.example>", "250 ", "RCPT TO:<2@b.example>", "250 ", "DATA", "354 ", "x\r\n.", "250 ", "", "452 "))
	if m := v.Messages[0]; !m.Accepted || m.Recipients[0].Final != "250 2.0.0 <1@b.example> Ok: queued as 00010001" || m.Recipients[1].Final != "452 4.2.2 full" {
		t.Errorf("got %+v", m)
	}
}

// TestDefects: every reply can be late, in pieces, malformed, left out, and the
// last that a client gets.
func TestDefects(t *testing.T) {
	before := map[string][]string{"greeting": {}, "ehlo": {"EHLO me"}, "helo": {"HELO me"}, "starttls": {"STARTTLS"}, "auth": {"AUTH PLAIN " + saslPlain("james", "secret")},
		"response": {"AUTH PLAIN", saslPlain("james", "secret")}, "xclient": {"XCLIENT NAME=x"}, "vrfy": {"VRFY x"}, "noop": {"NOOP"}, "rset": {"RSET"}, "etrn": {"ETRN x"},
		"mail": {"EHLO me", "MAIL FROM:<>"}, "rcpt": {"EHLO me", "MAIL FROM:<>", "RCPT TO:<a@b.example>"}, "data": {"EHLO me", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "DATA"},
		".":    {"EHLO me", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "DATA", "x\r\n."},
		"bdat": {"EHLO me", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "BDAT 3 LAST\r\nx"}, "quit": {"QUIT"}}
	answers := map[string]server.Answer{
		"malformed": server.Send("2?0\x00\xff half").Then(server.Drop), "late": server.Send("250 late").After(time.Millisecond).InSegments(3, time.Microsecond).Then(server.Close),
		"reset": server.Answer{}.Then(server.Reset), "silent": server.Answer{}.Then(server.Silence), "half": server.Send("250 half").Then(server.HalfClose), "left out": {},
	}
	for key, lines := range before {
		for name, answer := range answers {
			t.Run(key+", "+name, func(t *testing.T) {
				t.Parallel()
				var got string
				var err error
				v := visit(t, server.Polite{Users: users, TLS: certificate(t).ServerConfig(), On: server.Answers{key: answer}}, func(c *client) {
					if key != "greeting" {
						c.talk("", "220 ")
					}
					for i, line := range lines {
						if i < len(lines)-1 {
							c.talk(line, map[bool]string{true: "3", false: "2"}[strings.HasPrefix(line, "DATA") || line == "AUTH PLAIN"])
						} else {
							c.talk(line, "")
						}
					}
					if name == "silent" || name == "left out" && key != "quit" {
						c.conn.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
					}
					got, err = c.rest()
				})
				want := map[string]string{"malformed": answer.Bytes, "late": answer.Bytes, "half": answer.Bytes}[name]
				if got != want || (name == "reset") != (err != nil && strings.Contains(err.Error(), "reset")) {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
				if last := v.Replies[len(v.Replies)-1]; last.Key != key || last.Reply != want {
					t.Errorf("the visit has %+v", last)
				}
				if v.Err != nil {
					t.Error(v.Err)
				}
			})
		}
	}
}

// TestVisitBounds: a client that does not end is sent away.
func TestVisitBounds(t *testing.T) {
	v := visit(t, server.Polite{}, func(c *client) {
		go func() {
			for range 6_000 {
				io.WriteString(c.conn, strings.Repeat("NOOP\r\n", 10))
			}
		}()
		rest, err := c.rest()
		if !strings.HasSuffix(rest, "421 4.7.0 Too much for one session\r\n") && !errors.Is(err, io.EOF) && err == nil {
			t.Errorf("the last was %q, %v", rest[max(0, len(rest)-60):], err)
		}
	})
	if len(v.Replies) != 50_000 || v.Ended != server.EndedByServer {
		t.Errorf("%d replies, ended by %v", len(v.Replies), v.Ended)
	}
}
