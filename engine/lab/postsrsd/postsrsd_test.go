package postsrsd_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/lab/postsrsd"
	"smtplay/engine/server"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// rewritten is a sender of example.org's as it leaves.
var rewritten = regexp.MustCompile(`^SRS0=[^=]+=[^=]+=example\.org=alice@new\.example\.com$`)

// What is asked by Postfix's own protocol.
func TestTables(t *testing.T) {
	t.Parallel()
	s := labtest.PostSRSd(t, postsrsd.Options{Exclude: []string{"friend.example"}})
	there := labtest.Dial(t, s.Addr("forward"), nil)
	answer := there.Say("get alice@example.org", "200 ")
	address := strings.TrimPrefix(answer, "200 ")
	if !rewritten.MatchString(address) {
		t.Fatalf("alice is %q", answer)
	}
	there.Dialogue([][2]string{{"get james@new.example.com", "200 james@new.example.com"}, {"get a@friend.example", "500"}})
	back := labtest.Dial(t, s.Addr("reverse"), nil)
	back.Dialogue([][2]string{
		{"get " + address, "200 alice@example.org"},
		{"get " + strings.Replace(address, "alice", "mallory", 1), "500"}, // the hash is alice's
		{"get james@new.example.com", "500"},
	})
}

// A forwarded letter leaves under a name of ours, and its bounce goes to who has sent it.
func TestForward(t *testing.T) {
	t.Parallel()
	s := labtest.PostSRSd(t, postsrsd.Options{})
	mx := &server.Server{}
	if err := mx.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mx.Close() })
	p := labtest.Private(t, lab.Options{
		MainCF:   s.PostfixSettings(),
		Aliases:  map[string]string{"forward@new.example.com": "fred@example.net"},
		Outbound: []lab.Outbound{{Domain: "example.net", Address: mx.Addr()}},
	})
	c := labtest.Dial(t, p.Addr("smtp"), nil)
	c.Expect("220")
	c.Dialogue([][2]string{
		{"ehlo client.example.org", "250"}, {"mail from:<alice@example.org>", "250"}, {"rcpt to:<forward@new.example.com>", "250"},
		{"data", "354"}, {"Subject: on\r\n\r\nHi\r\n.", "250"},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := mx.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	got := mx.Messages()
	if len(got) != 1 || !rewritten.MatchString(got[0].From) || fmt.Sprint(got[0].To) != "[fred@example.net]" {
		t.Fatalf("forwarded: %+v", got)
	}
	c.Dialogue([][2]string{
		{"mail from:<>", "250"},
		{"rcpt to:<" + strings.Replace(got[0].From, "alice", "mallory", 1) + ">", "550 5.1.1"},
		{"rcpt to:<" + got[0].From + ">", "250"},
		{"data", "354"}, {"Subject: back\r\n\r\nHi\r\n.", "250"}, {"quit", "221"},
	})
	back, err := p.Delivered(ctx, func(m lab.Message) bool { return m.Mailbox == lab.Sink && m.From == "" })
	if err != nil || !strings.Contains(string(back.Data), "\nDelivered-To: alice@example.org\n") {
		t.Errorf("back: %v\n%s", err, back.Data)
	}
}

func TestStopLeavesNothing(t *testing.T) {
	t.Parallel()
	s := labtest.PostSRSd(t, postsrsd.Options{})
	labtest.Dial(t, s.Addr("forward"), nil).Say("get a@b.example", "200") // so that one of its children is at work
	labtest.LeavesNothing(t, s.Daemon)
}

func TestThatCannotBe(t *testing.T) {
	t.Parallel()
	labtest.PostSRSd(t, postsrsd.Options{}) // skips where there can be none
	for _, o := range []postsrsd.Options{{Domain: "-a.example"}, {Exclude: []string{""}}, {Secret: "a\nb"}} {
		if s, err := postsrsd.Start(t.Context(), o); err == nil {
			t.Error(errors.Join(fmt.Errorf("%+v: started", o), s.Stop()))
		}
	}
}
