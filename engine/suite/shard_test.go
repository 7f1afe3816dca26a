package suite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/quick"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// The parts of any run are all its tests, each once, and alike in size.
func TestShards(t *testing.T) {
	holds := func(tests, shards uint8) bool {
		of := int(shards)%20 + 1
		all := make([]suite.Test, tests)
		for i := range all {
			all[i].Index = i
		}
		var seen []int
		least, most := len(all), 0
		for i := 1; i <= of; i++ {
			shard, err := suite.NewShard(i, of)
			if err != nil {
				t.Fatal(err)
			}
			part := shard.Take(all)
			least, most = min(least, len(part)), max(most, len(part))
			for _, test := range part {
				seen = append(seen, test.Index)
			}
		}
		slices.Sort(seen)
		for i, n := range seen {
			if n != i {
				return false
			}
		}
		return len(seen) == len(all) && most-least <= 1
	}
	if err := quick.Check(holds, nil); err != nil {
		t.Error(err)
	}
}

func TestParseShard(t *testing.T) {
	for _, tt := range []struct {
		text string
		ok   bool
		why  string
	}{
		{"1/1", true, "the whole"}, {"3/3", true, "the last"}, {"0/3", false, "they begin at 1"}, {"4/3", false, "there are three"},
		{"1/0", false, "no parts"}, {"-1/3", false, "negative"}, {"1", false, "of how many"}, {"1/", false, "of how many"}, {"a/b", false, "no numbers"},
		{"1/1000000000", false, "nobody has so many machines"}, {"1/2/3", false, "too many"},
	} {
		if _, err := suite.ParseShard(tt.text); (err == nil) != tt.ok {
			t.Errorf("%q: %v (%s)", tt.text, err, tt.why)
		}
	}
}

// A transcript has the name that it has in a whole run, whatever part is run:
// else it would be compared with that of another test.
func TestRecordsOfShards(t *testing.T) {
	env := &suite.Env{Redact: &transcript.Redactor{}}
	s := of(byName, "t", "T", "u", "U")
	dir := t.TempDir()
	for i := 1; i <= 4; i++ {
		shard, _ := suite.NewShard(i, 4)
		r := &suite.Runner{Record: dir}
		tests, err := r.Plan(context.Background(), env, []suite.Script{s})
		if err != nil {
			t.Fatal(err)
		}
		r.Run(context.Background(), env, shard.Take(tests), func(res suite.Result) {
			want := []string{"t.smtp", "T+2.smtp", "u.smtp", "U+2.smtp"}[res.Index]
			if filepath.Base(res.Record) != want {
				t.Errorf("shard %d records %s, want %s", i, res.Record, want)
			}
		})
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "a", "*")); len(found) != 4 {
		t.Error(fmt.Sprint(found))
	}
}
