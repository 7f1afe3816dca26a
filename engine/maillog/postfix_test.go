package maillog_test

import (
	"errors"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/maillog"
	"smtplay/engine/wire"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// TestPostfix reads what a real one writes of what becomes of messages.
func TestPostfix(t *testing.T) {
	t.Parallel()
	server := labtest.ForTest(t, lab.Options{MainCF: map[string]string{
		"smtpd_reject_unlisted_recipient": "no", // it would refuse what the transport does
		"transport_maps":                  "inline:{ {bounced.example.com=error:5.7.9 not today} {deferred.example.com=retry:4.7.9 later} }",
	}})
	start := time.Now()
	l, err := maillog.Open(server.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for _, row := range []struct{ to, status, dsn, text string }{
		{lab.User, "sent", "2.0.0", "delivered"},
		{"x@bounced.example.com", "bounced", "5.7.9", "not today"},
		{"x@deferred.example.com", "deferred", "4.7.x", "later"},
	} {
		t.Run(row.status, func(t *testing.T) {
			c := labtest.Dial(t, server.Addr("local"), nil)
			c.Expect("220")
			c.Dialogue([][2]string{{"ehlo client.example.org", "250"}, {"mail from:<a@example.org>", "250"}, {"rcpt to:<" + row.to + ">", "250"}, {"data", "354"}})
			id := wire.QueueID(c.Say("Subject: x\r\n\r\nHi\r\n.", "250"))
			demand := maillog.Demand{QueueID: id, Status: row.status, DSN: row.dsn, To: row.to, From: "a@example.org", Text: row.text}
			e, err := l.Await(t.Context(), start, demand, 20*time.Second)
			if err != nil {
				t.Fatalf("%v\n%s", err, server.Log())
			}
			if e.Delay < 0 || e.Relay == "" || e.PID == 0 || e.Time.Before(start.Add(-time.Second)) {
				t.Errorf("got %+v", e)
			}
			demand.Status = "expired"
			var missing *maillog.NotFound
			if _, err := l.Await(t.Context(), start, demand, 0); !errors.As(err, &missing) || missing.OfQueue == 0 || missing.Nearest.Status != row.status {
				t.Errorf("got %v", err)
			}
			_, err = l.Await(t.Context(), time.Now().Add(5*time.Second), maillog.Demand{QueueID: id}, 0)
			if !errors.As(err, &missing) || missing.Outside == nil {
				t.Errorf("lines of before count: %v", err)
			}
		})
	}
}

// A client that is refused leaves a line without a queue id.
func TestPostfixRefuses(t *testing.T) {
	t.Parallel()
	server := labtest.ForTest(t, lab.Options{})
	start := time.Now()
	l, err := maillog.Open(server.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := labtest.Dial(t, server.Addr("smtp"), nil)
	c.Expect("220")
	c.Dialogue([][2]string{{"ehlo client.example.org", "250"}, {"mail from:<a@example.org>", "250"}, {"rcpt to:<refused@example.com>", "554 5.7.1"}})
	demand := maillog.Demand{QueueID: "NOQUEUE", Status: "reject", DSN: "5.7.1", To: "refused@example.com", From: "a@example.org", Service: "smtpd", Text: "relay access denied"}
	if _, err := l.Await(t.Context(), start, demand, 20*time.Second); err != nil {
		t.Error(err)
	}
}
