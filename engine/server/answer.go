package server

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Ending says what happens after an answer.
type Ending uint8

// What can happen after an answer.
const (
	Continue  Ending = iota // the session goes on
	Close                   // orderly close, see Session.Close
	Drop                    // close without TLS's farewell, see Session.Drop
	Reset                   // TCP RST, see Session.Reset
	HalfClose               // no more is written, see Session.CloseWrite; then as Silence
	Silence                 // everything is read and nothing answered, see Session.WaitClose
	Hang                    // nothing is read either, see Session.Hang
)

var endingNames = [...]string{"continue", "close", "drop", "reset", "half-close", "silence", "hang"}

// String returns the name of the ending.
func (e Ending) String() string {
	if int(e) < len(endingNames) {
		return endingNames[e]
	}
	return "Ending(" + strconv.Itoa(int(e)) + ")"
}

// Answer is what a Polite session does in place of one of its replies: wait,
// write, end. The zero Answer writes nothing and goes on: a reply left out.
//
// The first byte of what is written (by the last verb, where Do uses several)
// decides how the session goes on, as it does for a client: after a 2 a
// recipient counts as accepted, after a 3 the message or the next line of AUTH
// is read, after a 2 to STARTTLS the handshake follows, and anything else
// changes nothing.
type Answer struct {
	Delay   time.Duration  // waited before the first byte
	Lines   []string       // written with CRLF after each
	Bytes   string         // written as it is, after Lines
	Segment int            // octets a segment; 0 is all at once
	Pause   time.Duration  // between segments
	Do      func(*Session) // called after the writing, for all else
	Ending  Ending         // what comes last
}

// Answers are the answers of a Polite session, by what they answer. A key is
// lower case, alone for every time or with an ordinal for one time of the
// session, which wins: "rcpt" and "rcpt 2". With an address, for MAIL, RCPT and
// in LMTP the message, it is for that one: "rcpt a@b.example". It is a verb
// ("ehlo", "mail", "etrn", any), or
//
//	greeting   what the session opens with
//	.          the reply after the message; in LMTP one for each recipient
//	response   the reply to a line that answered a 334 of AUTH
//
// "auth" is the reply to the AUTH command itself. In BDAT each chunk's reply
// is "bdat".
type Answers map[string]Answer

// to is the answer for one address, of which the domain is in any case (RFC 5321
// section 2.4).
func (a Answers) to(key, address string) (answer Answer, ok bool) {
	if answer, ok = a[key+" "+address]; ok || key != "mail" && key != "rcpt" && key != "." && key != "bdat" {
		return answer, ok
	}
	at := strings.LastIndexByte(address, '@') + 1
	for k, answer := range a {
		if to, here := strings.CutPrefix(k, key+" "); here && len(to) == len(address) && to[:at] == address[:at] && strings.EqualFold(to[at:], address[at:]) {
			return answer, true
		}
	}
	return answer, false
}

// Say is the answer of these lines: Say("250-one", "250 two").
func Say(lines ...string) Answer { return Answer{Lines: lines} }

// Send is the answer of these very bytes.
func Send(bytes string) Answer { return Answer{Bytes: bytes} }

// Do is the answer that the function gives. Where the function ran StartTLS by
// itself, STARTTLS does no handshake again.
func Do(play func(*Session)) Answer { return Answer{Do: play} }

// After waits before the answer.
func (a Answer) After(d time.Duration) Answer {
	a.Delay = d
	return a
}

// InSegments writes the answer in pieces of size octets, with a pause between
// them; see Session.Segments.
func (a Answer) InSegments(size int, pause time.Duration) Answer {
	a.Segment, a.Pause = size, pause
	return a
}

// Then ends the session after the answer.
func (a Answer) Then(ending Ending) Answer {
	a.Ending = ending
	return a
}

// plain says whether an answer is nothing but lines.
func (a *Answer) plain() bool {
	return a.Delay == 0 && a.Bytes == "" && a.Segment == 0 && a.Do == nil && a.Ending == Continue
}

// play gives the answer and returns the byte that decides, 0 for none.
func (a Answer) play(s *Session) byte {
	s.code, s.within = 0, false
	if a.plain() {
		s.held(a.Lines)
		return s.code
	}
	s.Pause(a.Delay)
	if a.Segment == 0 && a.Bytes == "" {
		// Line by line in the record, still one segment on the wire.
		s.Reply(a.Lines...)
	} else {
		s.Segments(a.Segment, a.Pause, strings.Join(append(slices.Clone(a.Lines), a.Bytes), "\r\n"))
	}
	if a.Do != nil && s.err == nil {
		a.Do(s)
	}
	switch a.Ending {
	case Continue:
	case Close:
		s.Close()
	case Drop:
		s.Drop()
	case Reset:
		s.Reset()
	case HalfClose:
		s.CloseWrite()
		s.WaitClose()
	case Silence:
		s.WaitClose()
	case Hang:
		s.Hang()
	}
	return s.code
}
