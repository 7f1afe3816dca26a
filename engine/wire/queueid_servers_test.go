package wire_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/daemon"
	"smtplay/engine/lab/exim"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/lab/opensmtpd"
	"smtplay/engine/wire"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// checkQueueID hands over a message and looks for the id of its reply in the server's log.
func checkQueueID(t *testing.T, addr string, log func() string) {
	t.Helper()
	c := labtest.Dial(t, addr, nil)
	c.Expect("220")
	c.Dialogue([][2]string{{"ehlo client.example.org", "250"}, {"mail from:<a@example.org>", "250"},
		{"rcpt to:<" + lab.User + ">", "250"}, {"data", "354"}})
	said := c.Say("From: <a@example.org>\r\nTo: <"+lab.User+">\r\nDate: Sun, 29 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@example.org>\r\nSubject: which one\r\n\r\nHi\r\n.", "250")
	reply, err := wire.ParseReply([]byte(said + "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	id := reply.QueueID()
	if id == "" {
		t.Fatalf("no queue id in %q", said)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := daemon.WaitUntil(ctx, func() bool { return strings.Contains(log(), id) }); err != nil {
		t.Errorf("the log does not know %q of %q:\n%s", id, said, log())
	}
}

func TestQueueIDOfPostfix(t *testing.T) {
	t.Parallel()
	for _, long := range []string{"no", "yes"} {
		t.Run("long "+long, func(t *testing.T) {
			t.Parallel()
			server := labtest.ForTest(t, lab.Options{MainCF: map[string]string{"enable_long_queue_ids": long}})
			checkQueueID(t, server.Addr("smtp"), server.Log)
		})
	}
}

func TestQueueIDOfExim(t *testing.T) {
	t.Parallel()
	server := labtest.Exim(t, exim.Options{})
	checkQueueID(t, server.Addr("smtp"), server.Log)
}

func TestQueueIDOfOpenSMTPD(t *testing.T) {
	t.Parallel()
	server := labtest.OpenSMTPD(t, opensmtpd.Options{})
	checkQueueID(t, server.Addr("smtp"), server.Log)
}
