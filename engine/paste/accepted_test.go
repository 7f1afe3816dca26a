package paste

import (
	"strings"
	"testing"

	"smtplay/engine/transcript"
)

// TestAccepted: a transcript in which smtplay accepted a conversation is read as
// it is, and each conversation that stands alone is one session.
func TestAccepted(t *testing.T) {
	const one = "* connect smtp a:1\nS: 220 a\n*2 accept mx from 127.0.0.1\nS2: 220 mx\n*2 close client\n* close client\n"
	const two = "* accept mx from 127.0.0.1\nS: 220 mx\nC: QUIT\nS: 221 x\n* close server\n"
	found := find(t, transcript.Header+"\n"+one+two+two)
	if len(found) != 3 {
		t.Fatalf("found %d sessions", len(found))
	}
	for i, want := range []string{one, two, two} {
		if got := strings.TrimPrefix(asTranscript(found[i:i+1]), transcript.Header+"\n"); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
	// In a ticket its first line is no part of what was said.
	found = find(t, "Look:\n\n"+two)
	if len(found) != 1 || strings.Contains(asTranscript(found), "accept") || !strings.Contains(asTranscript(found), "C: QUIT\n") {
		t.Errorf("got\n%s", asTranscript(found))
	}
}
