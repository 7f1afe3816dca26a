package server

import (
	"fmt"

	"smtplay/engine/transcript"
)

// Departure is where a client left a Recording. Nothing in it shows a secret.
type Departure struct {
	Client int            // which, counted over all of the Recording, from 1
	Pos    transcript.Pos // what it should have come to, in the transcript
	Want   string         // as the transcript has it, or in words
	Or     []Alternative  // what would have done as well: other conversations that had begun alike
	Got    string         // as a transcript would have it, or in words
	Answer string         // what the client was told, "" for nothing
}

// Alternative is what another conversation would have gone on with.
type Alternative struct {
	Pos  transcript.Pos
	Want string
}

func (d *Departure) Error() string {
	return fmt.Sprintf("%s: client %d left the recording: expected %s, got %s", d.Pos, d.Client, d.Want, d.Got)
}

// Unwrap makes it an ErrMismatch.
func (d *Departure) Unwrap() error { return ErrMismatch }
