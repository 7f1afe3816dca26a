package engine_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"smtplay/engine"
	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

// counting is a server that counts the AUTH commands it gets.
func counting(t *testing.T, on server.Answers) (address string, count func() int) {
	t.Helper()
	srv := server.Start(t, server.Polite{Users: james, On: on}.Serve)
	return srv.Addr(), func() (n int) {
		for _, line := range srv.Received() {
			if strings.HasPrefix(strings.ToUpper(strings.TrimSpace(line)), "AUTH") {
				n++
			}
		}
		return n
	}
}

// sharing is a conversation that counts logins with others, its EHLO answered.
func sharing(t *testing.T, address string, limit *engine.AuthLimit) *engine.Conn {
	t.Helper()
	c, err := engine.Connect(t.Context(), address, engine.Options{Secrets: &transcript.Redactor{}, Logins: limit, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.ReadReply(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return c
}

// exchange sends lines, one after another, and reads a reply to each; or sends
// them in a group, or as they are.
func exchange(c *engine.Conn, form, text string) error {
	ctx, lines := context.Background(), strings.Split(text, "\n")
	switch form {
	case "pipeline":
		if err := c.Pipeline(ctx, transcript.Pos{}, lines); err != nil {
			return err
		}
	case "raw":
		if err := c.Raw(ctx, transcript.Pos{}, []byte(strings.Join(lines, "\r\n")+"\r\n")); err != nil {
			return err
		}
	case "pieces":
		for _, b := range []byte(strings.Join(lines, "\r\n") + "\r\n") {
			if err := c.Raw(ctx, transcript.Pos{}, []byte{b}); err != nil {
				return err
			}
		}
	}
	for _, line := range lines {
		if form == "send" {
			if err := c.Send(ctx, transcript.Pos{}, line); err != nil {
				return err
			}
		}
		if _, err := c.ReadReply(ctx, 0); err != nil {
			return err
		}
	}
	return nil
}

// TestAuthLimit: a failed login counts, however it is sent, and after one too
// many no AUTH is sent, however that is.
func TestAuthLimit(t *testing.T) {
	t.Parallel()
	wrong := b64("\x00james\x00wrong")
	failing := map[string]struct{ form, text string }{
		"by hand":                    {"send", "AUTH PLAIN " + wrong},
		"step by step":               {"send", "AUTH LOGIN\n" + b64("james") + "\n" + b64("wrong")},
		"in small letters":           {"send", "auth plain " + wrong},
		"behind a blank":             {"send", " AUTH PLAIN " + wrong},
		"in a group":                 {"pipeline", "NOOP\nAUTH PLAIN " + wrong + "\nNOOP"},
		"a whole exchange in one":    {"pipeline", "AUTH LOGIN\n" + b64("james") + "\n" + b64("wrong")},
		"as it is":                   {"raw", "AUTH PLAIN " + wrong},
		"as it is, among others":     {"raw", "NOOP\nAUTH PLAIN " + wrong + "\nNOOP"},
		"as it is, octet by octet":   {"pieces", "AUTH PLAIN " + wrong},
		"of a mechanism there's not": {"send", "AUTH CRAM-MD5"},
	}
	on := server.Answers{" auth": server.Say("535 5.7.8 no"), "auth cram-md5": server.Say("535 5.7.8 no")}
	for name, way := range failing {
		t.Run(name, func(t *testing.T) {
			answers := on
			if strings.Contains(way.text, "CRAM") {
				answers = server.Answers{"auth": server.Say("535 5.7.8 no such mechanism")}
			}
			if strings.HasPrefix(way.text, " ") {
				answers = server.Answers{"": server.Say("535 5.7.8 no")}
			}
			address, count := counting(t, answers)
			limit := &engine.AuthLimit{Max: 2, Loopback: true}
			for range 2 {
				if err := exchange(sharing(t, address, limit), way.form, way.text); err != nil {
					t.Fatal(err)
				}
			}
			sent := count()
			for _, last := range failing {
				if last.form == "pieces" {
					continue // its AUTH is nowhere whole
				}
				e := wantErr(t, exchange(sharing(t, address, limit), last.form, last.text), engine.Withheld,
					"no AUTH was sent, lest the server ban this client: of logins 2 failed at 127.0.0.1 in this run, and the limit is 2")
				if e.Addr != address {
					t.Errorf("the error is about %q", e.Addr)
				}
			}
			c := sharing(t, address, limit)
			plain, _ := engine.MechanismNamed("PLAIN")
			_, err := c.Auth(t.Context(), transcript.Pos{}, engine.Login{Mechanism: plain, Credentials: engine.Credentials{User: "james", Password: "correct horse"}})
			wantErr(t, err, engine.Withheld, "no AUTH was sent")
			if got := count(); got != sent {
				t.Errorf("%d AUTH commands were sent, %d before the limit", got, sent)
			}
			if err := exchange(c, "send", "NOOP"); err != nil {
				t.Errorf("the conversation does not go on: %v", err)
			}
		})
	}
}

// What is no failed login does not count.
func TestAuthLimitSpares(t *testing.T) {
	t.Parallel()
	right := b64("\x00james\x00correct horse")
	for name, row := range map[string]struct {
		limit      *engine.AuthLimit
		form, text string
		on         server.Answers
	}{
		"a right password":        {&engine.AuthLimit{Max: 1, Loopback: true}, "send", "AUTH PLAIN " + right, nil},
		"a right password, raw":   {&engine.AuthLimit{Max: 1, Loopback: true}, "raw", "AUTH PLAIN " + right, nil},
		"a mechanism refused":     {&engine.AuthLimit{Max: 1, Loopback: true}, "send", "AUTH X", nil},
		"a server in trouble":     {&engine.AuthLimit{Max: 1, Loopback: true}, "send", "AUTH PLAIN " + right, server.Answers{"auth": server.Say("454 4.7.0 later")}},
		"a 535 to something else": {&engine.AuthLimit{Max: 1, Loopback: true}, "send", "NOOP", server.Answers{"noop": server.Say("535 what?")}},
		"cancelled":               {&engine.AuthLimit{Max: 1, Loopback: true}, "send", "AUTH LOGIN\n*", nil},
		"left open":               {&engine.AuthLimit{Max: 1, Loopback: true}, "send", "AUTH LOGIN", nil},
		"loopback, unless asked":  {&engine.AuthLimit{Max: 1}, "send", "AUTH PLAIN " + b64("\x00james\x00wrong"), nil},
		"no limit":                {&engine.AuthLimit{Loopback: true}, "send", "AUTH PLAIN " + b64("\x00james\x00wrong"), nil},
		"AUTH in the text of a message": {&engine.AuthLimit{Max: 1, Loopback: true}, "send",
			"EHLO x\nMAIL FROM:<>\nRCPT TO:<a@b>\nDATA\nAUTH PLAIN x\r\nAUTH PLAIN y\r\n.", nil},
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := counting(t, row.on)
			if name == "AUTH in the text of a message" {
				row.text = strings.ReplaceAll(row.text, "\r\n", " \r\n")
			}
			for range 3 {
				c := sharing(t, address, row.limit)
				if strings.Contains(row.text, "DATA") {
					head, text, _ := strings.Cut(row.text, "\nAUTH")
					if err := exchange(c, "send", head); err != nil {
						t.Fatal(err)
					}
					if err := c.Send(t.Context(), transcript.Pos{}, "AUTH"+text); err != nil {
						t.Fatal(err)
					}
					c.Close()
					continue
				}
				if err := exchange(c, row.form, row.text); err != nil {
					t.Fatal(err)
				}
				c.Close()
			}
		})
	}
}

// TestAuthLimitTogether: many at once send no more than one after another would.
func TestAuthLimitTogether(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		password string
		withheld int32
		sent     int
	}{{"wrong", 5, 3}, {"correct horse", 0, 8}} {
		address, count := counting(t, nil)
		limit := &engine.AuthLimit{Max: 3, Loopback: true}
		var withheld atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			c := sharing(t, address, limit)
			all.Go(func() {
				if err := exchange(c, "send", "AUTH PLAIN "+b64("\x00james\x00"+row.password)); engine.IsKind(err, engine.Withheld) {
					withheld.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if withheld.Load() != row.withheld || count() != row.sent {
			t.Errorf("%s: %d withheld, %d sent; want %d, %d", row.password, withheld.Load(), count(), row.withheld, row.sent)
		}
	}
}

// A login of which nothing becomes does not keep others waiting for ever, nor
// does a test that is stopped wait on.
func TestAuthLimitWaits(t *testing.T) {
	t.Parallel()
	address, _ := counting(t, server.Answers{"auth": server.Say()})
	limit := &engine.AuthLimit{Max: 1, Loopback: true}
	first := sharing(t, address, limit)
	if err := first.Send(t.Context(), transcript.Pos{}, "AUTH LOGIN"); err != nil {
		t.Fatal(err)
	}
	c, err := engine.Connect(t.Context(), address, engine.Options{Logins: limit, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ReadReply(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	wantErr(t, c.Send(t.Context(), transcript.Pos{}, "AUTH LOGIN"), engine.Withheld, "of logins 0 failed at 127.0.0.1 in this run, others are under way")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantErr(t, c.Send(ctx, transcript.Pos{}, "AUTH LOGIN"), engine.Interrupted, "")
	first.Close()
	if err := c.Send(t.Context(), transcript.Pos{}, "AUTH LOGIN"); err != nil {
		t.Error(err)
	}
}

// hidden is a connection whose peer is known by name alone.
type hidden struct {
	net.Conn
	address string
}

func (h hidden) RemoteAddr() net.Addr { return h }
func (hidden) Network() string        { return "ssh" }
func (h hidden) String() string       { return h.address }

// behind reaches one server, whatever the name.
type behind string

func (b behind) String() string { return "behind " + string(b) }

func (b behind) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, network, string(b))
	return hidden{nc, address}, err
}

// TestAuthLimitByName: all ports of a server count as one, where its name is all
// that is known of it, too.
func TestAuthLimitByName(t *testing.T) {
	t.Parallel()
	address, count := counting(t, nil)
	limit := &engine.AuthLimit{Max: 1}
	for i, to := range []string{"mail.example.com:25", "mail.example.com:587", "MAIL.example.com:465"} {
		c, err := engine.Connect(t.Context(), to, engine.Options{Via: behind(address), Secrets: &transcript.Redactor{}, Logins: limit})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		if _, err := c.ReadReply(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if err := exchange(c, "send", "AUTH PLAIN "+b64("\x00james\x00wrong")); i > 0 && !engine.IsKind(err, engine.Withheld) {
			t.Errorf("%s: %v", to, err)
		}
	}
	if count() != 1 {
		t.Errorf("%d AUTH were sent, want 1", count())
	}
}
