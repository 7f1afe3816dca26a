package server

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"

	"smtplay/engine/transcript"
)

// Recording plays the server's side of transcripts: each connection is one of
// their conversations again, answered as it was then, byte for byte. It reports
// where a client leaves what was recorded. The zero value holds nothing; [Recording.Add]
// fills it. Its fields may not change, nor may more be added, once it plays.
//
// # What a client must do
//
// It must send what was sent then, line for line, line ends included. These are
// no departure:
//
//   - another way to cut lines into segments: each reply is given as soon as
//     its command has come, whether the recorded client pipelined or waited;
//   - what stands in the place of a mask. For a secret and for a whole SASL message
//     that is any well-formed response of that user, or only the right one where Secrets has
//     the value; where a refusal was recorded, also a wrong one: a transcript
//     cannot tell a secret from a password that nobody declared. For any other
//     mask it is anything. What came is put in the place of the same mask in a reply;
//   - in message text the fields that are made anew for each message (Date, Message-ID, Received,
//     DKIM-Signature, those of Resent-), dates within a line, and the boundaries of
//     MIME parts (RFC 5322 sections 3.3 and 3.6, RFC 2046 section 5.1.1).
//
// With Lenient a command need only have the recorded verb, and message text is
// not looked at.
//
// A client that leaves gets a 554 that says what was recorded in that place, then 503
// to everything but QUIT. One that goes away, or says QUIT, before the end is
// reported too, unless only QUIT was still to come.
//
// # Which conversation
//
// A client may be in any that fits what was said so far. One is out as soon as the
// client says what does not stand in it. Where the server would go on in different
// ways, it goes on with the conversation that was played least often; of those,
// with the first. So a client finds its own among many that begin alike, and those
// in which clients say the same come in the order of the transcripts.
//
// # What is not as it was
//
// The certificate is made in memory, with the recorded subject, and self-signed,
// expired or for another name where it was (see [Recording.CA]). What the server proved in
// an AUTH exchange is no proof to another client (see [Recording.Unprovable]). A silence that was noted lasts half as long
// again, and half a second at least, before the server speaks. A mask of the server's that no client
// filled goes out as it is written.
type Recording struct {
	// Lenient matches commands by their verbs.
	Lenient bool

	// Secrets are the values that masks stand for, by name. One that is missing
	// matches any.
	Secrets map[string]string

	// Left is told of each departure as it happens, by several goroutines; nil
	// for nobody. The client is answered when it returns.
	Left func(*Departure)

	// Live gives each client's conversation somebody to watch it, masked; nil for
	// nobody. Clients are counted from 1.
	Live func(client int) transcript.Recorder

	conversations []*conversation
	longest       int // of the lines that clients sent

	prepared sync.Once
	redact   *transcript.Redactor // knows Secrets
	given    map[string]secret    // Secrets by the names that stand in masks

	certified sync.Once
	authority *Authority
	noCA      error // why there is none

	mu           sync.Mutex
	clients      int
	certificates map[shownCertificate]*Certificate
}

// secret is a secret of which the value is known.
type secret struct {
	value string
	alone *transcript.Redactor // knows no other
}

// FileError is a transcript that cannot be played.
type FileError struct {
	Pos transcript.Pos // its line is 0 where the whole file is meant
	Err error
}

func (e *FileError) Error() string {
	msg := e.Err.Error()
	var bad *transcript.SyntaxError
	if errors.As(e.Err, &bad) {
		msg = bad.Msg
	}
	return e.Pos.String() + ": " + msg
}

func (e *FileError) Unwrap() error { return e.Err }

// Add adds the conversations of a transcript, which people know by that name.
// Errors are of type *FileError; then nothing was added.
func (r *Recording) Add(name string, file []byte) error {
	events, err := transcript.Decode(file)
	if err != nil {
		pos := transcript.Pos{File: name}
		var bad *transcript.SyntaxError
		if errors.As(err, &bad) {
			pos.Line = bad.Line
		}
		return &FileError{Pos: pos, Err: err}
	}
	found := conversations(name, events)
	if len(found) == 0 {
		return &FileError{Pos: transcript.Pos{File: name}, Err: errors.New("there is no conversation in it")}
	}
	r.conversations = append(r.conversations, found...)
	for _, e := range events {
		if e.Kind == transcript.Client {
			r.longest = max(r.longest, len(e.Data))
		}
	}
	return nil
}

// Target is where the conversations of a transcript were led, by the name that
// the script used, or by the address where it used none.
type Target struct {
	Name          string // "" where the transcript does not say
	TLS           bool   // all of its conversations begin with a handshake
	Mixed         bool   // some do, some do not: no port can serve both
	Conversations int
}

// Targets are the targets of all conversations, in the order of the transcripts.
func (r *Recording) Targets() []Target {
	var targets []Target
	for _, c := range r.conversations {
		i := slices.IndexFunc(targets, func(t Target) bool { return t.Name == c.target })
		if i < 0 {
			i = len(targets)
			targets = append(targets, Target{Name: c.target, TLS: c.beginsTLS()})
		}
		t := &targets[i]
		t.Mixed = t.Mixed || t.TLS != c.beginsTLS()
		t.Conversations++
	}
	return targets
}

// SecretNames are those that stand in masks of the clients' lines, each once, in order.
func (r *Recording) SecretNames() []string {
	var names []string
	for _, c := range r.conversations {
		for _, st := range c.steps {
			if st.kind == stepSay {
				continue
			}
			for _, p := range append(st.text, st.piece) {
				for _, s := range p.spans {
					if name := secretOf(s.Mask); name != "" {
						names = append(names, name)
					}
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Unprovable are the AUTH commands behind which the server proves that it knows
// the password, by mechanism (SCRAM, DIGEST-MD5): what it said then is no proof
// to another client, and one that looks ends the exchange.
func (r *Recording) Unprovable() map[transcript.Pos]string {
	found := map[transcript.Pos]string{}
	for _, c := range r.conversations {
		for i, st := range c.steps[:len(c.steps)-1] {
			fields := strings.Fields(string(st.data))
			if st.kind != stepHear || len(fields) < 2 || !strings.EqualFold(fields[0], "AUTH") {
				continue
			}
			mechanism := strings.ToUpper(fields[1])
			if next := c.steps[i+1]; transcript.ProvesServer(mechanism) && next.kind == stepSay && bytes.HasPrefix(next.data, []byte("334")) {
				found[transcript.Pos{File: c.file, Line: st.line}] = mechanism
			}
		}
	}
	return found
}

// Unplayed is how many conversations no client has begun yet.
func (r *Recording) Unplayed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, c := range r.conversations {
		if c.played == 0 {
			n++
		}
	}
	return n
}

// Serve plays any of the conversations; it is a Handler.
func (r *Recording) Serve(s *Session) { r.serve(s, r.conversations) }

// ServeTargets is the Handler that plays those of some targets.
func (r *Recording) ServeTargets(names ...string) Handler {
	var of []*conversation
	for _, c := range r.conversations {
		if slices.Contains(names, c.target) {
			of = append(of, c)
		}
	}
	return func(s *Session) { r.serve(s, of) }
}

func (r *Recording) serve(s *Session, of []*conversation) {
	r.prepare()
	if len(of) == 0 {
		return
	}
	r.mu.Lock()
	r.clients++
	client := r.clients
	r.mu.Unlock()
	newPlayer(r, s, client, of).play()
}

// prepare makes what all sessions share.
func (r *Recording) prepare() {
	r.prepared.Do(func() {
		r.redact, r.given = &transcript.Redactor{}, map[string]secret{}
		for name, value := range r.Secrets {
			if value == "" {
				continue
			}
			r.redact.Add(name, value)
			s := secret{value: value, alone: &transcript.Redactor{}}
			s.alone.Add(name, value)
			r.given[s.alone.NameOf(value)] = s
		}
	})
}
