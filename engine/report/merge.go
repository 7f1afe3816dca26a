package report

import (
	"cmp"
	"slices"

	"smtplay/engine/suite"
)

// Twice is a test of which several files have a result.
type Twice struct {
	Test  string
	Files []int // which of those that were merged, in order
}

// Merge makes one run of several, such as the shards of one: its results stand
// by script and then as the script declares its tests. Every result is kept. A
// test that has several of them is among the Twice.
func Merge(runs ...*Run) (*Run, []Twice) {
	type from struct {
		suite.Result
		file int
	}
	merged := &Run{}
	var all []from
	var versions, servers []string
	for i, r := range runs {
		versions, servers = append(versions, r.Version), append(servers, r.Server)
		merged.Targets = append(merged.Targets, r.Targets...)
		merged.Shards = append(merged.Shards, r.Shards...)
		merged.Seconds += r.Seconds
		merged.NotRun += r.NotRun
		merged.Interrupted = merged.Interrupted || r.Interrupted
		if i == 0 || merged.Seed == r.Seed {
			merged.Seed = r.Seed
		} else {
			merged.Seed = 0
		}
		if i == 0 || !r.Started.IsZero() && (merged.Started.IsZero() || r.Started.Before(merged.Started)) {
			merged.Started = r.Started
		}
		for _, result := range r.Results {
			all = append(all, from{result, i})
		}
	}
	merged.Version, merged.Server = listed(versions), listed(servers)
	slices.SortStableFunc(merged.Targets, compareTargets)
	merged.Targets = slices.Compact(merged.Targets)
	slices.SortFunc(merged.Shards, suite.Shard.Compare)
	merged.Shards = slices.Compact(merged.Shards)
	if len(runs) > 1 {
		slices.SortStableFunc(all, func(a, b from) int {
			return cmp.Or(cmp.Compare(a.Script.Name(), b.Script.Name()), cmp.Compare(a.Index, b.Index), cmp.Compare(a.Name, b.Name))
		})
	}
	type test struct {
		script, name string
		index        int
	}
	at := map[test]int{}
	var twice []Twice
	seen := map[test][]int{}
	for _, r := range all {
		merged.Results = append(merged.Results, r.Result)
		t := test{r.Script.Name(), r.Name, r.Index}
		if seen[t] = append(seen[t], r.file); len(seen[t]) == 2 {
			at[t] = len(twice)
			twice = append(twice, Twice{Test: r.Test.String()})
		}
		if n := len(seen[t]); n > 1 {
			twice[at[t]].Files = seen[t]
		}
	}
	return merged, twice
}

func compareTargets(a, b Target) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Address, b.Address))
}

// listed is the different ones of names that say something, with commas.
func listed(names []string) string {
	all := ""
	var met []string
	for _, n := range names {
		if n == "" || slices.Contains(met, n) {
			continue
		}
		if met = append(met, n); all != "" {
			all += ", "
		}
		all += n
	}
	return all
}
