package suite

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// maxShards bounds the machines among which a run may be shared out.
const maxShards = 100_000

// Shard is one of several equal parts of a run, as for several machines. The
// zero value is the whole.
type Shard struct {
	Index int // from 1
	Of    int
}

// ParseShard reads I/N, with I from 1 to N.
func ParseShard(s string) (Shard, error) {
	index, of, ok := strings.Cut(s, "/")
	i, err := strconv.Atoi(index)
	n, err2 := strconv.Atoi(of)
	if !ok || err != nil || err2 != nil {
		return Shard{}, fmt.Errorf("%q is no shard: write I/N, such as 1/4", s)
	}
	return NewShard(i, n)
}

// NewShard is part index of that many.
func NewShard(index, of int) (Shard, error) {
	switch {
	case of < 1 || of > maxShards:
		return Shard{}, fmt.Errorf("a run has from 1 to %d shards, not %d", maxShards, of)
	case index < 1 || index > of:
		return Shard{}, fmt.Errorf("the shards of %d go from 1 to %d, and %d is none of them", of, of, index)
	}
	return Shard{Index: index, Of: of}, nil
}

// String is the shard as it is written.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Of) }

// Compare orders the shards of one run by their number, and runs of fewer before
// runs of more.
func (s Shard) Compare(other Shard) int {
	return cmp.Or(cmp.Compare(s.Of, other.Of), cmp.Compare(s.Index, other.Index))
}

// Take is the shard's part of the tests. They are dealt out one by one, as
// cards are, so that the parts of any N are all tests, each once, and no part
// has more than one test more than another. Where a test goes depends on its
// place in the list alone, and not on the machine, nor on where the files lie.
func (s Shard) Take(tests []Test) []Test {
	if s.Of <= 1 {
		return tests
	}
	var mine []Test
	for i := s.Index - 1; i < len(tests); i += s.Of {
		mine = append(mine, tests[i])
	}
	return mine
}
