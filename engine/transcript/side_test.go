package transcript_test

import (
	"testing"

	"smtplay/engine/transcript"
)

// TestSides: a number is of the conversation that bears it at the time.
func TestSides(t *testing.T) {
	var sides transcript.Sides
	for i, tt := range []struct {
		line   string
		serves bool
		why    string
	}{
		{"S: 220 a", false, "it begins in the middle"},
		{"* accept from ::1", true, "though the one before was not closed"},
		{"* step x", false, "a step is the test's"},
		{"C: x", true, ""},
		{"C2: x", false, "another"},
		{"* close client", true, "its last line"},
		{"* note x", false, "behind it"},
		{"*2 accept from ::1", true, ""},
		{"*2 connect a:1", false, "without a close"},
		{"C2: x", false, ""},
	} {
		if got := sides.Serves(events(t, tt.line)[0]); got != tt.serves {
			t.Errorf("%d %s: got %t (%s)", i, tt.line, got, tt.why)
		}
	}
}
