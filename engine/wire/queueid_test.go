package wire_test

import (
	"strings"
	"testing"

	"smtplay/engine/wire"
)

var queueIDs = []struct{ text, want, reason string }{
	{"2.0.0 Ok: queued as 217083C8C1", "217083C8C1", "Postfix, short"},
	{"2.0.0 Ok: queued as 4VQ6Hr0z9nzXhPqC", "4VQ6Hr0z9nzXhPqC", "Postfix, long"},
	{"2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 217083C8C1", "217083C8C1", "behind a content filter"},
	{"2.0.0 <a@b.example> Ok: queued as 00010001", "00010001", "LMTP"},
	{"OK id=1abcDE-000abc-2F", "1abcDE-000abc-2F", "Exim before 4.97"},
	{"OK id=1qVzZa-00000000abc-1A2b", "1qVzZa-00000000abc-1A2b", "Exim since 4.97"},
	{"2.0.0 1234abcd Message accepted for delivery", "1234abcd", "OpenSMTPD"},
	{"2.0.0 1234abcd: Message accepted for delivery", "1234abcd", "OpenSMTPD of old"},
	{"1234abcd Message accepted for delivery", "1234abcd", "without an enhanced status"},
	{"2.0.0 x7QHmWkC012345 Message accepted for delivery", "x7QHmWkC012345", "Sendmail"},
	{"2.0.0 x7QHmWkC4012345 Message accepted for delivery", "x7QHmWkC4012345", "Sendmail, a long process id"},
	{"2.0.0 note\n2.0.0 Ok: queued as 217083C8C1", "217083C8C1", "on the second line"},
	{"2.0.0 Ok: queued as 217083C8C1\n2.0.0 Ok: queued as 317083C8C1", "217083C8C1", "the first counts"},
	{"2.0.0 Ok: queued as spam", "", "no queue id"},
	{"2.0.0 Ok: queued as 217083c8c1", "", "in small letters"},
	{"2.0.0 Ok: queued as 217083C8C1x", "", "more than an id"},
	{"2.0.0 Ok: queued", "", "none is named"},
	{"2.0.0 Ok: unqueued as 217083C8C1", "", "another word"},
	{"OK id=1abcDE-000abc-2F-9", "", "more than one of Exim's"},
	{"ok 1234567890 qp 4711", "", "qmail names a process, not a message"},
	{"2.0.0 <a@b.example> gF3kH2s Saved", "", "Dovecot names a session"},
	{"", "", "nothing"},
}

func TestQueueID(t *testing.T) {
	for _, row := range queueIDs {
		if got := wire.QueueID(row.text); got != row.want {
			t.Errorf("%s: %q: got %q, want %q", row.reason, row.text, got, row.want)
		}
	}
}

// Only a reply that accepts something names its queue id.
func TestReplyQueueID(t *testing.T) {
	for code, want := range map[string]string{"250": "217083C8C1", "451": "", "550": "", "354": ""} {
		r, err := wire.ParseReply([]byte(code + " Ok: queued as 217083C8C1\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.QueueID(); got != want {
			t.Errorf("%s: got %q, want %q", code, got, want)
		}
	}
}

func FuzzQueueID(f *testing.F) {
	for _, row := range queueIDs {
		f.Add(row.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id := wire.QueueID(text)
		if id != "" && (!strings.Contains(text, id) || strings.ContainsAny(id, " \r\n\t<>") || len(id) > 32) {
			t.Errorf("%q has the queue id %q", text, id)
		}
	})
}
