package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"smtplay/engine/demo"
	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
)

// played is what became of a run of smtplay.
type played struct {
	stdout, stderr string
	status         int
}

// smtplay runs smtplay in a folder, with input for its standard input.
func smtplay(t *testing.T, dir, input string, args ...string) played {
	t.Helper()
	cmd := exec.Command("smtplay", args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, strings.NewReader(input), &stdout, &stderr
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=1", "NO_COLOR=")
	err := cmd.Run()
	p := played{stdout: stdout.String(), stderr: stderr.String()}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		p.status = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return p
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// recordSite is a server to record sessions with, and then to run their scripts
// against.
type recordSite struct {
	targets map[string]string
	ca      string // file
	name    string // of its certificate
}

func (s recordSite) flags(target string) []string {
	return []string{"--target", "smtp=" + s.targets[target], "--ca", s.ca, "--tls-name", s.name}
}

func recordDemo(t *testing.T) recordSite {
	t.Helper()
	d, err := demo.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, d.CAPEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	return recordSite{targets: d.Targets(), ca: ca, name: d.TLSName()}
}

func recordPostfix(t *testing.T) recordSite {
	t.Helper()
	p := labtest.ForTest(t, lab.Options{})
	s := recordSite{targets: map[string]string{}, ca: p.CAFile(), name: lab.Hostname}
	for _, target := range []string{"smtp", "local", "submission", "submissions"} {
		s.targets[target] = p.Addr(target)
	}
	return s
}

// The passwords of the sessions below, by the names that the recorder gives
// them.
const (
	rightPassword = "yourpassword"
	wrongPassword = "hunter2hunter2"
)

// recordSessions are typed at a server that is set up like the tutorial's. Their
// scripts pass at once.
var recordSessions = []struct {
	name    string
	target  string
	flags   []string
	input   string
	secrets map[string]string // for the run of the script
	holds   []string          // in the transcript
}{
	{name: "the tutorial's first", target: "local",
		input: "ehlo client.example.org\nmail from:<james@example.org>\nrcpt to:<james@example.com>\ndata\n" +
			"Subject: a test\n\nHi James\n.a dot\n\nJames\n.\nquit\n",
		holds: []string{"C: ..a dot\n", "C: \n", "C: .\nS: 250 2.0.0 Ok: queued as "}},
	{name: "a capital RCPT, and letters that s_client takes for its own", target: "smtp",
		input: "EHLO client.example.org\nMAIL FROM:<james@example.org>\nRCPT TO:<james@example.com>\nR\nQ\nRSET\nQUIT\n",
		holds: []string{"C: RCPT TO:<james@example.com>\nS: 554 5.7.1 ", "C: R\nS: 50", "C: Q\nS: 50"}},
	{name: "left without QUIT", target: "smtp", input: "EHLO client.example.org\nNOOP",
		holds: []string{"C: NOOP\nS: 250 2.0.0 ", "C: QUIT\nS: 221 "}},
	{name: "left in the middle of a message", target: "local",
		input: "ehlo client.example.org\nmail from:<james@example.org>\nrcpt to:<james@example.com>\ndata\nHi James\n",
		holds: []string{"C: Hi James\n* close client\n"}},
	{name: "a typed STARTTLS, and a login", target: "submission",
		input: "EHLO client.example.org\nSTARTTLS\nEHLO client.example.org\n" +
			"AUTH PLAIN " + b64("\x00james@new.example.com\x00"+wrongPassword) + "\nAUTH PLAIN " + b64("\x00james@new.example.com\x00"+rightPassword) + "\n" +
			"mail from:<james@new.example.com>\nrcpt to:<james@example.com>\nRSET\nQUIT\n",
		secrets: map[string]string{"password": wrongPassword, "password2": rightPassword},
		holds:   []string{"S: 220 2.0.0 Ready to start TLS\n* tls TLS1.3", "secret=password]\nS: 535 5.7.8", "secret=password2]\nS: 235 2.7.0"}},
	{name: "LOGIN by hand, wrong and right", target: "submission",
		input: "EHLO client.example.org\n/starttls\nEHLO client.example.org\nAUTH LOGIN\n" + b64("james@new.example.com") + "\n" + b64(wrongPassword) + "\n" +
			"AUTH LOGIN\n" + b64("james@new.example.com") + "\n" + b64(rightPassword) + "\nQUIT\n",
		secrets: map[string]string{"password": wrongPassword, "password2": rightPassword},
		holds:   []string{"C: [secret:password]\nS: 535", "C: [secret:password2]\nS: 235"}},
	{name: "an AUTH that is given up", target: "submission",
		input: "EHLO client.example.org\n/starttls\nEHLO client.example.org\nAUTH PLAIN\n*\nQUIT\n",
		holds: []string{"C: *\nS: 501 5."}},
	{name: "a login that is refused in clear", target: "submission",
		input:   "EHLO client.example.org\nAUTH LOGIN\n" + b64("james@new.example.com") + "\n" + b64(rightPassword) + "\nAUTH PLAIN " + b64("\x00james@new.example.com\x00"+rightPassword) + "\nQUIT\n",
		secrets: map[string]string{"password": rightPassword},
		holds:   []string{"C: [secret:password]\nS: 50"}},
	{name: "/auth with the secret of the command line", target: "submission", flags: []string{"--secret", "password=@right.txt"},
		input:   "EHLO client.example.org\n/starttls\nEHLO client.example.org\n/auth plain james@new.example.com\n/cert\nQUIT\n",
		secrets: map[string]string{"password": rightPassword},
		holds:   []string{"C: AUTH PLAIN [sasl user=james@new.example.com secret=password]\nS: 235"}},
	{name: "/auth LOGIN", target: "submission", flags: []string{"--secret", "mail=@right.txt"},
		input:   "EHLO client.example.org\n/starttls\nEHLO client.example.org\n/auth LOGIN james@new.example.com\nQUIT\n",
		secrets: map[string]string{"mail": rightPassword},
		holds:   []string{"C: [secret:mail]\nS: 235"}},
	{name: "/tls", target: "submissions", input: "/tls\nEHLO client.example.org\nQUIT\n", holds: []string{"\n* tls TLS1.3"}},
	{name: "--tls", target: "submissions", flags: []string{"--tls"}, input: "EHLO client.example.org\nQUIT\n", holds: []string{"\n* tls TLS1.3"}},
	{name: "notes, and exchanges taken out", target: "smtp",
		input: "/note what a stranger may do\nEHLO client.example.org\nVRFY nobody\n/undo\nmail from:<james@example.org>\nrcpt to:<james@example.com>\n/undo\n/note not this\n/undo\nrcpt to:<james@new.example.com>\nQUIT\n",
		holds: []string{"* note what a stranger may do\n", "S: 250 2.1.0 Ok\nC: rcpt to:<james@new.example.com>\n"}},
	{name: "the text of replies", target: "smtp", flags: []string{"--text"},
		input: "EHLO client.example.org\nmail from:<james@example.org>\nrcpt to:<james@example.com>\nQUIT\n"},
	{name: "nothing at all", target: "smtp", holds: []string{"S: 220 ", "C: QUIT\nS: 221 "}},
}

// A script that was recorded passes at once against the same server, and holds
// no password.
func TestRecordedPasses(t *testing.T) {
	for server, start := range map[string]func(*testing.T) recordSite{"demo": recordDemo, "postfix": recordPostfix} {
		t.Run(server, func(t *testing.T) {
			here := start(t)
			for _, s := range recordSessions {
				t.Run(s.name, func(t *testing.T) {
					dir := t.TempDir()
					args := append(append(here.flags(s.target), s.flags...), "-o", "session")
					putFile(t, dir, "right.txt", rightPassword+"\n")
					p := smtplay(t, dir, s.input, append([]string{"record"}, args...)...)
					if p.status != exitPassed || !strings.HasSuffix(p.stderr, "smtplay: wrote session.lua and session.smtp\n") {
						t.Fatalf("status %d\n%s%s", p.status, p.stdout, p.stderr)
					}
					smtp, lua := getFile(t, dir, "session.smtp"), getFile(t, dir, "session.lua")
					for _, text := range s.holds {
						if !strings.Contains(smtp, text) {
							t.Errorf("the transcript lacks %q:\n%s", text, smtp)
						}
					}
					for _, text := range []string{p.stdout, p.stderr, smtp, lua} {
						for _, password := range []string{rightPassword, wrongPassword} {
							if strings.Contains(text, password) || strings.Contains(text, b64(password)) || strings.Contains(text, b64("\x00james@new.example.com\x00"+password)) {
								t.Errorf("%s is shown:\n%s", password, text)
							}
						}
					}
					passes(t, smtplay(t, dir, "", "check", "session.lua"), lua)
					run := append([]string{"run", "session.lua"}, here.flags(s.target)...)
					for name, value := range s.secrets {
						putFile(t, dir, name+".txt", value)
						run = append(run, "--secret", fmt.Sprintf("%s=@%s.txt", name, name))
					}
					passes(t, smtplay(t, dir, "", run...), lua)
				})
			}
		})
	}
}

func passes(t *testing.T, p played, lua string) {
	t.Helper()
	if p.status != exitPassed || p.stderr != "" {
		t.Errorf("status %d\n%s%s%s", p.status, p.stdout, p.stderr, lua)
	}
}

func putFile(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func getFile(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What was recorded is demanded: where the server answers otherwise the script
// fails, at that line.
func TestRecordedFailsElsewhere(t *testing.T) {
	here, dir := recordDemo(t), t.TempDir()
	input := "ehlo client.example.org\nmail from:<james@example.org>\nrcpt to:<james@example.com>\nquit\n"
	if p := smtplay(t, dir, input, append([]string{"record", "-o", "relay"}, here.flags("smtp")...)...); p.status != exitPassed {
		t.Fatal(p)
	}
	p := smtplay(t, dir, "", append([]string{"run", "relay.lua"}, here.flags("local")...)...)
	if p.status != exitFailed || !strings.Contains(p.stdout, "expected 554 5.7.1, got 250 2.1.5") {
		t.Errorf("status %d\n%s%s", p.status, p.stdout, p.stderr)
	}
}

// Whatever the server does is recorded, shown and told, and the script that is
// made of it passes against a server that does it again.
func TestRecordOddServers(t *testing.T) {
	answering := func(key string, a server.Answer) server.Handler {
		return server.Polite{On: server.Answers{key: a}}.Serve
	}
	for _, row := range []struct {
		name   string
		play   server.Handler
		input  string
		status int
		stderr string
		smtp   string
		again  bool // the script can pass
	}{
		{"a reply too many", answering("noop", server.Send("250 ok\r\n250 again\r\n")), "NOOP\nRSET\nQUIT\n", exitPassed, "",
			"C: NOOP\nS: 250 ok\nS: 250 again\nC: RSET\nS: 250 ", true},
		{"QUIT is not answered", answering("quit", server.Answer{}.Then(server.Drop)), "NOOP\nQUIT\n", exitNoVerdict, "the server closed the connection", "C: QUIT\n* close server\n", true},
		{"a command is not answered", answering("noop", server.Answer{}.Then(server.Drop)), "NOOP\nQUIT\n", exitNoVerdict, "error: the server closed the connection\nsmtplay: hint: the server's log",
			"C: NOOP\n* close server\n", true},
		{"half a reply", answering("noop", server.Send("250-ha").Then(server.Drop)), "NOOP\nQUIT\n", exitNoVerdict, "in the middle of a reply: 250-ha\n",
			"S: 250-ha\\\n* close server\n", false},
		{"no reply at all", answering("noop", server.Send("ESC \x1b[2J\r\n")), "NOOP\nQUIT\n", exitNoVerdict, `what came is no SMTP reply`,
			`S: ESC \x1b[2J`, false},
		{"the end before the input's", func(s *server.Session) { s.Reply("220 here"); s.Expect("NOOP"); s.Reply("421 no more"); s.Drop() }, "NOOP\nRSET\nQUIT\n", exitNoVerdict,
			"line 2 of the input and what follows it were not sent", "S: 421 no more\n* close server\n", true},
		{"the end with the input's", func(s *server.Session) { s.Reply("220 here"); s.Expect("NOOP"); s.Reply("421 no more"); s.Drop() }, "NOOP\n", exitPassed,
			"", "S: 421 no more\n* close server\n", true},
		{"turned away", func(s *server.Session) { s.Reply("554 5.7.1 go away"); s.Expect("QUIT"); s.Reply("221 bye") }, "QUIT\n", exitPassed, "", "S: 554 5.7.1 go away\nC: QUIT\n", true},
		{"silence", func(s *server.Session) { s.WaitClose() }, "NOOP\n", exitNoVerdict, "error: no reply within 1s\nsmtplay: hint: --timeout waits longer", "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := &server.Server{Handler: row.play}
			if err := srv.Listen(); err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			dir := t.TempDir()
			args := []string{"record", "-o", "odd", srv.Addr()}
			if row.name == "silence" {
				args = append(args, "--timeout", "1")
			}
			p := smtplay(t, dir, row.input, args...)
			if p.status != row.status || !strings.Contains(p.stderr, row.stderr) || strings.Contains(p.stdout+p.stderr, "\x1b") {
				t.Errorf("status %d, want %d with %q\n%s%s", p.status, row.status, row.stderr, p.stdout, p.stderr)
			}
			if row.smtp == "" {
				if files, _ := os.ReadDir(dir); len(files) > 0 {
					t.Errorf("nothing was said, and there is %v", files)
				}
				return
			}
			if smtp := getFile(t, dir, "odd.smtp"); !strings.Contains(smtp, row.smtp) {
				t.Errorf("the transcript lacks %q:\n%s", row.smtp, smtp)
			}
			lua := getFile(t, dir, "odd.lua")
			if p := smtplay(t, dir, "", "check", "odd.lua"); p.status != exitPassed {
				t.Errorf("%s%s%s", p.stdout, p.stderr, lua)
			}
			if row.again {
				passes(t, smtplay(t, dir, "", "run", "--server", srv.Addr(), "odd.lua"), lua)
			}
		})
	}
}
