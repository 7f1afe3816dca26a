package lab

import (
	"strings"
	"testing"
)

// The envelope comes from what Postfix puts in front, never from what the client sent below.
func TestParseMessage(t *testing.T) {
	const client = "Return-Path: <liar@example.net>\nX-Original-To: liar@example.net\n" +
		"Received: from liar\n\tid LIAR; date\n\nHi\n"
	for _, test := range []struct {
		why, text       string
		from, to, queue string
	}{
		{"over TLS, one recipient",
			"Return-Path: <a@example.org>\nX-Original-To: b@example.com\nDelivered-To: b@example.com\n" +
				"Received: from c.example.org (unknown [127.0.0.1])\n\t(using TLSv1.3)\n" +
				"\tby maila.example.com (Postfix) with ESMTPSA id 94656984293\n\tfor <b@example.com>; date\n",
			"a@example.org", "b@example.com", "94656984293"},
		{"several recipients, so the date follows the name",
			"Return-Path: <a@example.org>\nX-Original-To: b@example.com\nReceived: from c\n\tby d (Postfix) with SMTP id 4;\n\tdate\n",
			"a@example.org", "b@example.com", "4"},
		{"a bounce",
			"Return-Path: <>\nX-Original-To: a@example.org\nDelivered-To: a@example.org\nReceived: by d (Postfix)\n\tid 5; date\n",
			"", "a@example.org", "5"},
	} {
		m := parseMessage([]byte(test.text + client))
		if m.From != test.from || m.To != test.to || m.QueueID != test.queue {
			t.Errorf("%s: got from %q to %q as %q", test.why, m.From, m.To, m.QueueID)
		}
	}
	if m := parseMessage([]byte("no header\n\n" + client)); m.From != "" || m.QueueID != "" {
		t.Errorf("no header: got %+v", m)
	}
}

func TestMissingError(t *testing.T) {
	err := &MissingError{Parts: []string{"root", "package postfix"}}
	if !strings.Contains(err.Error(), "root, package postfix") || !strings.Contains(err.Error(), InstallCommand) {
		t.Errorf("got %q, want the parts and the command", err)
	}
	err = &MissingError{Parts: []string{"root"}}
	if strings.Contains(err.Error(), "apt-get") {
		t.Errorf("got %q, but no package makes one root", err)
	}
}

// No program of this server connects to anywhere: what could is not among the services.
func TestServicesStayHere(t *testing.T) {
	for line := range strings.Lines(strings.TrimSpace(services)) {
		// name, type, private, unprivileged, chroot, wakeup, how many, program
		fields := strings.Fields(line)
		switch name := fields[7]; name {
		case "smtp", "lmtp", "relay", "pipe", "spawn", "local", "postscreen", "dnsblog", "tlsproxy", "qmqpd":
			t.Errorf("%s is a %s, which can reach out", fields[0], name)
		}
	}
}
