package dsl

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"smtplay/engine/mailbox"
	"smtplay/engine/server"
)

// What an inbox holds at most, in bytes; the oldest messages go first. Where a
// script is served, few look into it, and it goes on for long.
const (
	keptInbox  = 64 << 20
	keptServed = 8 << 20
)

// heldBy is about what a message takes beside its text and its recipients.
const heldBy = 512

// inbox holds the messages that a listener took while it served.
type inbox struct {
	name string
	most int // bytes that it holds

	mu       sync.Mutex
	messages []*mailbox.Message
	gone     int // older ones that were let go
	size     int
}

// messageOf is a transaction as messages elsewhere are: with the envelope that
// was said.
func messageOf(m *server.Message) *mailbox.Message {
	return &mailbox.Message{Raw: []byte(m.Data), At: time.Now(), Envelope: &mailbox.Envelope{From: m.From, To: m.To}}
}

func (b *inbox) add(m *mailbox.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = append(b.messages, m)
	b.size += weight(m)
	for b.size > b.most && len(b.messages) > 1 {
		b.size -= weight(b.messages[0])
		b.messages[0] = nil
		b.messages = b.messages[1:]
		b.gone++
	}
}

// weight is about what a message takes.
func weight(m *mailbox.Message) int {
	n := heldBy + len(m.Raw) + len(m.Envelope.From)
	for _, to := range m.Envelope.To {
		n += len(to) + 16 // of the string itself
	}
	return n
}

// String implements mailbox.Box.
func (b *inbox) String() string { return b.name }

// Close implements mailbox.Box.
func (b *inbox) Close() error { return nil }

// Remove implements mailbox.Box.
func (b *inbox) Remove(context.Context, *mailbox.Message) error {
	return errors.New("a message that a listener took lies nowhere")
}

// Since implements mailbox.Box. All that came is of this test.
func (b *inbox) Since(time.Time) mailbox.Watch { return &inboxWatch{of: b} }

// inboxWatch is one look into an inbox that goes on.
type inboxWatch struct {
	of   *inbox
	seen int // messages that were yielded, or gone before
}

// New implements mailbox.Watch.
func (w *inboxWatch) New(context.Context) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		for {
			m := w.next()
			if m == nil || !yield(m, nil) {
				return
			}
		}
	}
}

func (w *inboxWatch) next() *mailbox.Message {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	w.seen = max(w.seen, w.of.gone)
	if w.seen-w.of.gone >= len(w.of.messages) {
		return nil
	}
	w.seen++
	m := *w.of.messages[w.seen-1-w.of.gone] // what is learnt of a message is kept in it, and others look too
	return &m
}

// Every implements mailbox.Watch.
func (w *inboxWatch) Every() time.Duration { return 20 * time.Millisecond }
