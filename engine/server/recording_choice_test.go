package server_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

// attempt is a conversation of one command and its reply.
func attempt(target, command, reply string) []string {
	return []string{"* connect " + target, "S: 220 hi", "C: EHLO me", "S: 250 you", "C: " + command, "S: " + reply, "C: QUIT", "S: 221 bye", "* close client"}
}

// try holds such a conversation and returns the reply.
func try(t *testing.T, srv *server.Server, command string) string {
	t.Helper()
	c := dial(t, srv)
	c.talk("", "220 hi", "EHLO me", "250 you")
	c.send(command + "\r\n")
	reply := c.reply()
	c.talk("QUIT", "221 ")
	return reply
}

func wantDepartures(t *testing.T, r *recording, want ...string) {
	t.Helper()
	if got := r.departures(); !slices.Equal(got, want) {
		t.Errorf("left:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestWhatFits: a client is given the conversation that it holds.
func TestWhatFits(t *testing.T) {
	r := record(t, file(slices.Concat(attempt("smtp x:1", "RCPT TO:<a>", "250 a"), attempt("smtp x:1", "RCPT TO:<b>", "550 b"))...),
		file(attempt("smtp x:1", "VRFY c", "252 c")...))
	srv := r.start(t)
	for _, turn := range [][2]string{{"VRFY c", "252 c"}, {"RCPT TO:<b>", "550 b"}, {"RCPT TO:<a>", "250 a"}, {"RCPT TO:<b>", "550 b"}} {
		if got := try(t, srv, turn[0]); got != turn[1] {
			t.Errorf("%s: got %q, want %q", turn[0], got, turn[1])
		}
	}
	if n := r.Unplayed(); n != 0 {
		t.Errorf("%d conversations were not played", n)
	}
	if got := try(t, srv, "NOOP"); !strings.HasPrefix(got, "554 5.5.0 ") {
		t.Errorf("got %q", got)
	}
	// Which of them it was is not known: all are named. The file's first was played as seldom as any.
	d := r.left[0]
	if d.Pos.String() != "a.smtp:6" || d.Client != 5 || fmt.Sprint(d.Or) != "[{a.smtp:15 RCPT TO:<b>} {b.smtp:6 VRFY c}]" {
		t.Errorf("%+v", d)
	}
	if d.Error() != "a.smtp:6: client 5 left the recording: expected RCPT TO:<a>, got NOOP" || !errors.Is(srv.Err(), server.ErrMismatch) {
		t.Errorf("%v, %v", d, srv.Err())
	}
}

// TestInTurn: what cannot be told apart comes in order, and then anew.
func TestInTurn(t *testing.T) {
	r := record(t, file(slices.Concat(attempt("smtp x:1", "RCPT TO:<a>", "450 wait"), attempt("smtp x:1", "RCPT TO:<a>", "451 wait"), attempt("smtp x:1", "RCPT TO:<a>", "250 ok"))...))
	srv := r.start(t)
	for i, want := range []string{"450 wait", "451 wait", "250 ok", "450 wait"} {
		if n := r.Unplayed(); n != max(0, 3-i) {
			t.Errorf("%d of 3 conversations were not played, and %d clients came", n, i)
		}
		if got := try(t, srv, "RCPT TO:<a>"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	wantDepartures(t, r)
}

// TestInTurnBesideOthers: a client that has not yet shown what it is about takes
// nobody's turn.
func TestInTurnBesideOthers(t *testing.T) {
	r := record(t, file(slices.Concat(attempt("smtp x:1", "RCPT TO:<a>", "450 wait"), attempt("smtp x:1", "RCPT TO:<a>", "250 ok"), attempt("smtp x:1", "NOOP", "250 noop"))...))
	srv := r.start(t)
	slow := dial(t, srv)
	slow.talk("", "220 hi", "EHLO me", "250 you")
	for _, want := range []string{"450 wait", "250 ok"} {
		if got := try(t, srv, "RCPT TO:<a>"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	slow.talk("NOOP", "250 noop", "QUIT", "221 ")
	wantDepartures(t, r)
}

// TestPlayed: a client counts for the conversation that it was in, once.
func TestPlayed(t *testing.T) {
	one := func(greeting, command string) []string {
		return []string{"* connect smtp x:1", "S: " + greeting, "C: " + command, "S: 250 ok", "* close client"}
	}
	r := record(t, file(slices.Concat(one("220 a", "NOOP"), one("220 a", "VRFY"), one("220 b", "RSET"))...))
	srv := r.start(t)
	dial(t, srv).talk("", "220 a", "VRFY", "250 ok")
	if n := r.Unplayed(); n != 2 {
		t.Errorf("%d were not played", n)
	}
	dial(t, srv).talk("", "220 a", "NOOP", "250 ok")
	dial(t, srv).talk("", "220 b", "RSET", "250 ok")
	if n := r.Unplayed(); n != 0 {
		t.Errorf("%d were not played", n)
	}

	r = record(t, file(slices.Concat(one("220 a", "NOOP"), one("220 a", "VRFY"))...))
	srv = r.start(t)
	c := dial(t, srv)
	c.talk("", "220 a")
	c.conn.Close()
	srv.Wait(t.Context(), 1)
	if n := r.Unplayed(); n != 1 {
		t.Errorf("%d were not played: it was in one of them", n)
	}
}

// TestConnectionsOfOneTest: those that a test held at once are each by itself.
func TestConnectionsOfOneTest(t *testing.T) {
	r := record(t, file("* connect smtp x:1", "S: 220 hi", "*2 connect smtp x:1", "S2: 421 no", "*2 close server", "C: NOOP", "*2 connect smtp x:1", "S2: 220 yes", "S: 250 ok",
		"C2: QUIT", "* close server", "S2: 221 bye", "*2 close server"))
	srv := r.start(t)
	one, two, three := dial(t, srv), (*client)(nil), (*client)(nil)
	one.talk("", "220 hi")
	two = dial(t, srv)
	two.talk("", "421 no")
	three = dial(t, srv)
	three.talk("", "220 yes")
	one.talk("NOOP", "250 ok")
	three.talk("QUIT", "221 bye")
	if err := srv.Wait(t.Context(), 3); err != nil {
		t.Error(err)
	}
	wantDepartures(t, r)
}

func TestTargets(t *testing.T) {
	r := record(t, file(slices.Concat(attempt("submission x:1", "NOOP", "250 submission"), attempt("smtp x:1", "NOOP", "250 smtp"), attempt("[::1]:25", "NOOP", "250 address"),
		[]string{"* connect submission x:1", "* tls TLS1.3 C CN=a verified", "* close client", "*2 connect smtps x:1", "*2 tls TLS1.3 C CN=a verified", "S3: 220 from nowhere"})...))
	want := []server.Target{{Name: "submission", Mixed: true, Conversations: 2}, {Name: "smtp", Conversations: 1}, {Name: "[::1]:25", Conversations: 1},
		{Name: "smtps", TLS: true, Conversations: 1}, {Conversations: 1}}
	if got := r.Targets(); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, target := range []string{"smtp", "submission", "address"} {
		name := map[string]string{"address": "[::1]:25"}[target]
		if name == "" {
			name = target
		}
		srv := server.Start(t, r.ServeTargets(name))
		if got := try(t, srv, "NOOP"); got != "250 "+target {
			t.Errorf("%s: got %q", target, got)
		}
	}
	srv := server.Start(t, r.ServeTargets("nowhere"))
	if rest, err := dial(t, srv).rest(); rest != "" || err != nil {
		t.Errorf("nobody is there: %q, %v", rest, err)
	}
}

// login is a conversation with one AUTH PLAIN.
func login(reply string) []string {
	return attempt("smtp x:1", "AUTH PLAIN [sasl user=james secret=password]", reply)
}

// TestSecrets: where a secret's value is known, it is what decides.
func TestSecrets(t *testing.T) {
	accepted, refused := "235 2.7.0 in", "535 5.7.8 out"
	for _, tt := range []struct {
		name     string
		file     []string
		given    string // the value of the secret, "" for none
		password string
		want     string
	}{
		{"unknown", login(accepted), "", "any", accepted},
		{"right", login(accepted), "right-pw", "right-pw", accepted},
		{"wrong", login(accepted), "right-pw", "wrong-pw", "554 5.5.0 "},
		{"wrong, and refused then", login(refused), "right-pw", "wrong-pw", refused},
		{"right, and refused then", login(refused), "right-pw", "right-pw", refused},
		{"right, both recorded", slices.Concat(login(refused), login(accepted)), "right-pw", "right-pw", accepted},
		{"wrong, both recorded", slices.Concat(login(accepted), login(refused)), "right-pw", "wrong-pw", refused},
		{"unknown, both recorded", slices.Concat(login(accepted), login(refused)), "", "any", accepted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := record(t, file(tt.file...))
			if tt.given != "" {
				r.Secrets = map[string]string{"password": tt.given, "other": tt.given, "third": ""}
			}
			if got := try(t, r.start(t), "AUTH PLAIN "+saslPlain("james", tt.password)); !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if names := r.SecretNames(); !slices.Equal(names, []string{"password"}) {
				t.Errorf("secrets %q", names)
			}
		})
	}
	r := record(t, file("* connect smtp x:1", "S: 220 [secret:password]", "C: AUTH LOGIN", "S: 334 ", "C: [secret:password]", "S: 235 [secret:password]", "C: X [secret:password]", "S: 250 ok", "* close client"))
	r.Secrets = map[string]string{"password": "right-pw"}
	srv := r.start(t)
	dial(t, srv).talk("", "220 right-pw", "AUTH LOGIN", "334 ", b64("right-pw"), "235 "+b64("right-pw"), "X right-pw", "250 ok")
	dial(t, srv).talk("", "220 right-pw", "AUTH LOGIN", "334 ", b64("right-pw"), "235 ", "X wrong-pw", "554 ")
	dial(t, srv).talk("", "220 right-pw", "AUTH LOGIN", "334 ", b64("wrong-pw"), "554 ")
}

// TestShowsNoSecret: nothing that is told of a client holds its password, whether
// or not it kept to the recording; and what is told of one that did is the recording.
func TestShowsNoSecret(t *testing.T) {
	const password = "hunter2-XyZ"
	forms := []string{password, "aHVudGVyMi1YeV", saslPlain("james", password), saslPlain("mallory", password)}
	conversation := slices.Concat(login("535 5.7.8 no [secret:password]")[:7], []string{"S: 221 bye", "* close client"})
	for _, tt := range []struct {
		name  string
		turns []string
	}{
		{"as recorded", []string{"", "220 ", "EHLO me", "250 ", "AUTH PLAIN " + saslPlain("james", password), "535 ", "QUIT", "221 "}},
		{"as another", []string{"", "220 ", "EHLO me", "250 ", "AUTH PLAIN " + saslPlain("mallory", password), "554 ", password, "503 "}},
		{"by LOGIN", []string{"", "220 ", "EHLO me", "250 ", "AUTH LOGIN", "554 ", b64("james"), "503 ", b64(password), "503 "}},
		{"typed ahead", []string{"", "220 ", "AUTH LOGIN\r\n" + b64("james") + "\r\n" + b64(password), "554 ", "", "503 ", "", "503 "}},
		{"by a mechanism of its own", []string{"", "220 ", "EHLO me", "250 ", "AUTH X-OWN " + b64("n,a="+password), "554 "}},
		{"not in base64", []string{"", "220 ", "EHLO me", "250 ", "AUTH PLAIN " + password, "554 ", password, "503 "}},
		{"cut short", []string{"", "220 ", "EHLO me", "250 ", "AUTH PLAIN " + saslPlain("james", password) + "\x00", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := record(t, file(conversation...))
			live := &watcher{}
			r.Live = func(client int) transcript.Recorder { return live }
			srv := r.start(t)
			c := dial(t, srv)
			c.turns(tt.turns...)
			c.conn.Close()
			err := srv.Wait(t.Context(), 1)
			told := live.text() + strings.Join(r.departures(), "\n") + fmt.Sprint(err)
			for _, form := range forms {
				if strings.Contains(told, form) {
					t.Errorf("shows %s:\n%s", form, told)
				}
			}
			if tt.name == "as recorded" {
				want := strings.Join(conversation[1:len(conversation)-1], "\n") + "\n"
				if got := live.said(); got != want {
					t.Errorf("showed\n%s\nwant\n%s", got, want)
				}
			}
		})
	}
}

// watcher is what watches a conversation.
type watcher struct {
	mu  sync.Mutex
	all []byte
}

func (w *watcher) Record(e transcript.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = transcript.AppendEvent(w.all, e)
}

func (w *watcher) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.all)
}

// said is what was said, without what happened besides.
func (w *watcher) said() string {
	var b strings.Builder
	for line := range strings.Lines(w.text()) {
		if line[0] != '*' {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestManyAtOnce: clients that hold different conversations do not disturb each other.
func TestManyAtOnce(t *testing.T) {
	var lines []string
	for i := range 8 {
		lines = append(lines, attempt("smtp x:1", fmt.Sprintf("VRFY %d", i), fmt.Sprintf("252 %d", i))...)
	}
	r := record(t, file(lines...))
	r.Live = func(int) transcript.Recorder { return &watcher{} }
	srv := r.start(t)
	var all sync.WaitGroup
	for i := range 64 {
		c := dial(t, srv)
		all.Go(func() {
			c.talk("", "220 hi", "EHLO me", "250 you", fmt.Sprintf("VRFY %d", i%8), fmt.Sprintf("252 %d", i%8), "QUIT", "221 ")
			c.conn.Close()
		})
	}
	all.Wait()
	if err := srv.Wait(t.Context(), 64); err != nil || r.Unplayed() != 0 {
		t.Errorf("%v, %d not played", err, r.Unplayed())
	}
	wantDepartures(t, r)
}

func TestUnplayable(t *testing.T) {
	for _, tt := range []struct {
		file []byte
		want string
	}{
		{file(), "x.smtp:2: "}, // an empty line
		{[]byte(transcript.Header + "\n"), "x.smtp: there is no conversation in it"},
		{file("* note alone", "* step one"), "x.smtp: there is no conversation in it"},
		{file("S: 220 hi", "what"), "x.smtp:3: a line begins with"},
		{[]byte("\x7fELF"), "x.smtp:1: a transcript begins with"},
	} {
		var r server.Recording
		err := r.Add("x.smtp", tt.file)
		var bad *server.FileError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), tt.want) || len(r.Targets()) != 0 {
			t.Errorf("%q: got %v, want %s", tt.file, err, tt.want)
		}
	}
}
