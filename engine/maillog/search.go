package maillog

import (
	"context"
	"time"
)

// search is one Await.
type search struct {
	log      *Log
	demand   Demand
	since    time.Time
	cursors  map[*generation]*cursor
	notFound NotFound
}

func (l *Log) search(since time.Time, d Demand) *search {
	return &search{log: l, demand: d, since: since, cursors: map[*generation]*cursor{},
		notFound: NotFound{Name: l.name, Demand: d, Since: since}}
}

type cursor struct{}

// advance reads what is new. The entry is nil where nothing in it is what is demanded.
func (s *search) advance(ctx context.Context) (*Entry, error) { return nil, ctx.Err() }

// verdict is why there is nothing.
func (s *search) verdict() error { return &s.notFound }
