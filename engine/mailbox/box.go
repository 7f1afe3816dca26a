package mailbox

import (
	"context"
	"fmt"
	"io"
	"iter"
	"time"
)

// Box is a place where messages arrive. Its methods are called by one goroutine at a time.
type Box interface {
	io.Closer
	fmt.Stringer // what error texts call it: `maildir "in/Maildir"`

	// Since begins to watch what arrives at t or later. It reads nothing yet.
	Since(t time.Time) Watch
	// Remove removes a message that a watch of this box found. One that is gone
	// already is an error that wraps fs.ErrNotExist.
	Remove(ctx context.Context, m *Message) error
}

// Watch is one look into a box that goes on: it says of no message twice that it is new.
type Watch interface {
	// New yields the messages that arrived since it was last asked, oldest first as
	// far as the box knows, one in memory at a time. Where nothing changed it is cheap. An
	// error ends it, and says where: the box is as good as gone then.
	New(ctx context.Context) iter.Seq2[*Message, error]
	// Every is how long to leave the box alone between two looks.
	Every() time.Duration
}

// Remarker is a Watch that can say why not everything in the box was looked at at
// last, such as that another program holds a lock; "" where it was.
type Remarker interface{ Remark() string }

// MaxSize is how much of a message is read, in bytes. A larger one is known by
// its beginning, and says so.
const MaxSize = 64 << 20
