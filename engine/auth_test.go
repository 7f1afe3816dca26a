package engine_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"smtplay/engine"
	"smtplay/engine/server"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

var james = map[string]string{"james": "correct horse"}

func TestAuth(t *testing.T) {
	for _, row := range []struct {
		name, mechanism, password string
		on                        server.Answers
		code                      string // of the reply; "" for an error
		msg                       string
		wire                      string
	}{
		{"PLAIN", "PLAIN", "correct horse", nil, "235", "", "C: AUTH PLAIN [sasl user=james secret=password]\nS: 235"},
		{"PLAIN refused", "PLAIN", "wrong pass", nil, "535", "", "C: AUTH PLAIN [sasl user=james secret=password]\nS: 535"},
		{"PLAIN asked for more", "PLAIN", "correct horse", server.Answers{"auth": server.Say("334 ")}, "", "the server asks on, and PLAIN has said all it has to say", ""},
		{"PLAIN, no base64", "PLAIN", "correct horse", server.Answers{"auth": server.Say("334 what?")}, "", "the challenge is not base64", ""},
		{"LOGIN", "LOGIN", "correct horse", nil, "235", "", "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: amFtZXM=\nS: 334 UGFzc3dvcmQ6\nC: [secret:password]\nS: 235"},
		{"LOGIN refused", "LOGIN", "wrong pass", nil, "535", "", "C: [secret:password]\nS: 535"},
		{"LOGIN, other prompts", "LOGIN", "correct horse", server.Answers{"auth": server.Say("334 " + b64("User Name\x00"))}, "235", "", ""},
		{"LOGIN, no prompts", "LOGIN", "correct horse", server.Answers{"auth": server.Say("334 ")}, "235", "", "S: 334 \nC: amFtZXM="},
		{"LOGIN refused at once", "LOGIN", "correct horse", server.Answers{"auth": server.Say("504 no")}, "504", "", ""},
		{"LOGIN, the user refused", "LOGIN", "correct horse", server.Answers{"response": server.Say("535 no")}, "535", "", ""},
		{"LOGIN let in at once", "LOGIN", "correct horse", server.Answers{"auth": server.Say("235 ok")}, "", "the server said 235 before LOGIN had sent the password: nothing was checked", "C: AUTH LOGIN\nS: 235"},
		{"LOGIN let in by the user", "LOGIN", "correct horse", server.Answers{"response": server.Say("235 ok")}, "", "the server said 235 before LOGIN had sent the password: nothing was checked", ""},
		{"LOGIN, another success", "LOGIN", "correct horse", server.Answers{"response": server.Say("250 ok")}, "", "the server said 250 before LOGIN", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := greeted(t, server.Polite{Users: james, On: row.on}.Serve, engine.Options{})
			k.red.Add("password", row.password)
			r, err := login(k, row.mechanism, "james", row.password)
			if row.code == "" {
				if e := wantErr(t, err, engine.Mismatch, row.msg); e.Reply == nil || e.Command == nil || e.Want == "" || e.Addr == "" {
					t.Errorf("tells too little: %+v", e)
				}
			} else if err != nil || fmt.Sprint(r.Code) != row.code {
				t.Errorf("got %v, %v", r, err)
			}
			k.holds(row.wire)
			k.lacks(row.password, b64(row.password), b64("\x00james\x00"+row.password))
		})
	}
}

// An exchange that ends early leaves no state behind it.
func TestAuthAfterAuth(t *testing.T) {
	k := greeted(t, server.Polite{Users: james}.Serve, engine.Options{})
	k.ask("EHLO x", "250")
	k.ask("AUTH LOGIN", "334")
	k.ask("*", "501")
	k.ask("NOOP", "250")
	k.ask("AUTH LOGIN "+b64("james"), "334")
	k.ask(b64("correct horse"), "235")
	k.ask("MAIL FROM:<a@example.org>", "250")
	k.ask("DATA", "503")
	k.holds("C: *\nS: 501", "C: AUTH LOGIN amFtZXM=\n", "C: [secret:password]\nS: 235", "C: NOOP\n", "C: MAIL FROM:<a@example.org>\n")
}

// What takes part in an AUTH exchange is masked, however it came to be sent,
// and hidden from then on wherever it appears.
func TestMasksByHand(t *testing.T) {
	plain := b64("\x00james\x00hunter22")
	for _, row := range []struct {
		name  string
		lines []string
		wire  string
		never []string
	}{
		{"PLAIN", []string{"AUTH PLAIN " + plain}, "C: AUTH PLAIN [sasl user=james secret=password]\n", []string{plain, "hunter22"}},
		{"in any case and with any blanks", []string{"\tauth  plain\t" + plain}, "C: \\x09auth  plain\\x09[sasl user=james secret=password]\n", []string{plain}},
		{"PLAIN after the 334", []string{"AUTH PLAIN", plain}, "C: AUTH PLAIN\nS: 334 \nC: [sasl user=james secret=password]\n", []string{plain}},
		{"PLAIN with an identity", []string{"AUTH PLAIN " + b64("other\x00james\x00hunter22")}, "[sasl identity=other user=james secret=password]", []string{"hunter22"}},
		{"PLAIN of two parts", []string{"AUTH PLAIN " + b64("james\x00hunter22")}, "C: AUTH PLAIN [sasl]\n", []string{b64("james\x00hunter22")}},
		{"PLAIN with blanks behind it", []string{"AUTH PLAIN " + plain + " x"}, "C: AUTH PLAIN [sasl secret=password]\n", []string{plain}},
		{"PLAIN twice", []string{"AUTH PLAIN " + plain + " " + plain}, "C: AUTH PLAIN [sasl secret=password]\n", []string{plain}},
		{"PLAIN, not encoded", []string{"AUTH PLAIN james hunter22"}, "C: AUTH PLAIN [sasl secret=password]\n", []string{"hunter22"}},
		{"LOGIN", []string{"AUTH LOGIN", b64("james"), b64("hunter22")}, "C: " + b64("james") + "\nS: 334 UGFzc3dvcmQ6\nC: [secret:password]\n", []string{b64("hunter22")}},
		{"LOGIN with the user at once", []string{"AUTH LOGIN " + b64("james"), b64("hunter22")}, "C: [secret:password]\n", []string{b64("hunter22")}},
		{"LOGIN, not encoded", []string{"AUTH LOGIN", b64("james"), "hunter22!"}, "C: [sasl secret=password]\n", []string{"hunter22"}},
		{"an unknown mechanism", []string{"AUTH XOAUTH2 " + b64("user=james\x01auth=Bearer hunter22\x01\x01")}, "C: AUTH XOAUTH2 [sasl user=james secret=token]\n", []string{b64("user=james\x01auth=Bearer hunter22\x01\x01")}},
		{"an empty initial response", []string{"AUTH PLAIN =", plain}, "C: AUTH PLAIN =\n", nil},
		{"no mechanism", []string{"AUTH"}, "C: AUTH\n", nil},
		{"a short password", []string{"AUTH PLAIN " + b64("\x00james\x00pw")}, "C: AUTH PLAIN [sasl user=james secret=password]\n", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := greeted(t, server.Polite{Users: james}.Serve, engine.Options{})
			var commands []string
			for _, line := range row.lines {
				if err := k.say(line); err != nil {
					t.Fatal(err)
				}
				r, err := k.ReadReply(k.ctx, 0)
				if err != nil {
					t.Fatal(err)
				}
				commands = append(commands, r.Command.String())
			}
			k.holds(row.wire)
			k.lacks(row.never...)
			for _, secret := range row.never {
				if strings.Contains(strings.Join(commands, "\n"), secret) {
					t.Errorf("a command shows it: %q", commands)
				}
			}
		})
	}
}

// What was sent as a secret stays one when the server says it again.
func TestEcho(t *testing.T) {
	plain := b64("\x00james\x00hunter22")
	for _, echo := range []string{"hunter22", b64("hunter22"), plain, "x" + b64("say hunter22 again"), "68756e7465723232", "hunter%32%32"} {
		k := greeted(t, server.Polite{On: server.Answers{"auth": server.Say("501-5.5.2 you said", "501 5.5.2 "+echo)}}.Serve, engine.Options{})
		k.ask("AUTH PLAIN "+plain, "501")
		k.lacks("hunter22", echo)
	}
}

// Lines of an exchange that go out unanswered, by pipeline or raw, are masked too.
func TestMasksAhead(t *testing.T) {
	user, password := b64("james"), b64("hunter22")
	for _, row := range []struct {
		name string
		send func(k *talk) error
		wire string
	}{
		{"pipeline", func(k *talk) error {
			return k.Pipeline(k.ctx, k.pos, []string{"NOOP", "AUTH LOGIN", user, password, "NOOP"})
		}, "C: NOOP\nC: AUTH LOGIN\nC: " + user + "\nC: [secret:password]\nC: NOOP\n"},
		{"raw", func(k *talk) error {
			return k.Raw(k.ctx, k.pos, []byte("NOOP\r\nAUTH LOGIN\r\n"+user+"\n"+password+"\r\nNOOP"))
		}, "C: NOOP\nC: AUTH LOGIN\nC: " + user + "\\x0a\nC: [secret:password]\nC: NOOP\\\n"},
		{"raw in pieces", func(k *talk) error {
			for _, piece := range []string{"AUTH LOGIN\r\n", user + "\r\n", password + "\r\n"} {
				if err := k.Raw(k.ctx, k.pos, []byte(piece)); err != nil {
					return err
				}
			}
			return nil
		}, "C: [secret:password]\n"},
		{"raw PLAIN", func(k *talk) error {
			return k.Raw(k.ctx, k.pos, []byte("auth plain "+b64("\x00james\x00hunter22")+"\r\n"))
		}, "C: auth plain [sasl user=james secret=password]\n"},
		{"STARTTLS is no password", func(k *talk) error {
			return k.Pipeline(k.ctx, k.pos, []string{"AUTH PLAIN", "STARTTLS", "QUIT"})
		}, "C: AUTH PLAIN\nC: STARTTLS\nC: QUIT\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := greeted(t, server.Polite{Users: james}.Serve, engine.Options{})
			if err := row.send(k); err != nil {
				t.Fatal(err)
			}
			k.holds(row.wire)
			k.lacks(password, b64("\x00james\x00hunter22"))
		})
	}
}

// An error that quotes a line quotes no password of it.
func TestErrorsHideSecrets(t *testing.T) {
	plain := b64("\x00james\x00hunter22")
	for _, row := range []struct {
		name string
		play func(k *talk) error
	}{
		{"owed", func(k *talk) error { return k.say("AUTH PLAIN " + plain) }},
		{"the end", func(k *talk) error { k.read("220"); k.say("AUTH PLAIN " + plain); return k.Finish(k.ctx) }},
		{"a line end", func(k *talk) error { k.read("220"); return k.say("AUTH PLAIN " + plain + "\n") }},
		{"declared", func(k *talk) error { k.red.Add("pw", "hunter22"); return k.say("VRFY hunter22") }},
		{"declared, clipped", func(k *talk) error {
			k.red.Add("pw", "hunter22")
			return k.say("VRFY " + strings.Repeat("x", 190) + "hunter22")
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := dial(t, server.Start(t, server.Polite{}.Serve), engine.Options{})
			err := row.play(k)
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range []string{plain, "hunter"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("shows %q: %v", part, err)
				}
			}
		})
	}
}

// A declared secret goes only where nobody listens, whichever verb sends it.
func TestGuard(t *testing.T) {
	good := made(t, ageless)
	send := map[string]func(k *talk) error{
		"send":     func(k *talk) error { return k.say("VRFY correct horse") },
		"base64":   func(k *talk) error { return k.say("AUTH PLAIN " + b64("\x00james\x00correct horse")) },
		"pipeline": func(k *talk) error { return k.Pipeline(k.ctx, k.pos, []string{"NOOP", "VRFY correct horse"}) },
		"raw":      func(k *talk) error { return k.Raw(k.ctx, k.pos, []byte("VRFY correct horse\r\n")) },
		"auth":     func(k *talk) error { _, err := login(k, "PLAIN", "james", "correct horse"); return err },
		"message":  func(k *talk) error { k.ask("DATA", "354"); return k.Message(k.ctx, k.pos, []byte("correct horse")) },
		"text":     func(k *talk) error { k.ask("DATA", "354"); return k.say("correct horse") },
	}
	for _, row := range []struct {
		name string
		far  bool // not loopback
		tls  string
		opts engine.Options
		why  string // "" where it may go
	}{
		{"loopback in clear", false, "", engine.Options{}, ""},
		{"far away in clear", true, "", engine.Options{}, "it is neither TLS nor loopback"},
		{"far away in clear, insecure", true, "", engine.Options{Insecure: true}, ""},
		{"far away, verified", true, "localhost", engine.Options{}, ""},
		{"far away, unverified", true, "mail.example.com", engine.Options{}, "the server's certificate did not verify: it is for localhost"},
		{"loopback, unverified", false, "mail.example.com", engine.Options{}, "the server's certificate did not verify: it is for localhost"},
	} {
		for verb, play := range send {
			t.Run(row.name+"/"+verb, func(t *testing.T) {
				srv := &server.Server{Handler: server.Polite{TLS: good.ServerConfig(), Users: james, On: server.Answers{"data": server.Say("354 go")}}.Serve}
				if err := srv.Listen(); err != nil {
					t.Fatal(err)
				}
				defer srv.Close()
				k := prepare(t, &row.opts)
				conn := dialNet(t, srv.Addr())
				if row.far {
					conn = farAway{conn}
				}
				c, err := engine.Over(k.ctx, conn, "mail.example.com:25", row.opts)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				k.Conn = c
				k.read("220")
				if row.tls != "" {
					k.ask("STARTTLS", "220")
					if err := k.Handshake(k.ctx, engine.TLSOptions{Name: row.tls, CA: good.Pool, NoVerify: true}); err != nil {
						t.Fatal(err)
					}
				}
				k.red.Add("password", "correct horse")
				err = play(k)
				if row.why == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				wantErr(t, err, engine.Insecure, "over a connection that is not safe: "+row.why)
				if got := strings.Join(srv.Received(), "\n"); strings.Contains(got, "horse") || strings.Contains(got, "NOOP") {
					t.Errorf("was sent:\n%s", got)
				}
			})
		}
	}
}

// insecure of one call does not outlive it.
func TestInsecureOnce(t *testing.T) {
	srv := server.Start(t, server.Polite{Users: james}.Serve)
	opts := engine.Options{}
	k := prepare(t, &opts)
	c, err := engine.Over(k.ctx, farAway{dialNet(t, srv.Addr())}, "mail.example.com:25", opts)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	k.Conn = c
	k.read("220")
	k.red.Add("password", "correct horse")
	m, _ := engine.MechanismNamed("plain")
	r, err := k.Auth(k.ctx, k.pos, engine.Login{Mechanism: m, Credentials: engine.Credentials{User: "james", Password: "correct horse"}, Insecure: true})
	if err != nil || r.Code != 235 {
		t.Fatal(r, err)
	}
	wantErr(t, k.say("VRFY correct horse"), engine.Insecure, `the secret "password"`)
}
