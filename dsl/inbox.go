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

// keptInbox bounds what an inbox holds, in bytes of messages; the oldest go first.
const keptInbox = 64 << 20

// inbox holds the messages that a listener took while it served.
type inbox struct {
	name string

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
	b.size += len(m.Raw)
	for b.size > keptInbox && len(b.messages) > 1 {
		b.size -= len(b.messages[0].Raw)
		b.messages[0] = nil
		b.messages = b.messages[1:]
		b.gone++
	}
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
	return w.of.messages[w.seen-1-w.of.gone]
}

// Every implements mailbox.Watch.
func (w *inboxWatch) Every() time.Duration { return 20 * time.Millisecond }
