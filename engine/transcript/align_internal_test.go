package transcript

import (
	"fmt"
	"strings"
	"testing"
)

// shown writes an alignment as "a" for a pair, "-a" and "+a" for what has none.
func shown(before, after string, pairs []pair) string {
	var out []string
	for _, p := range pairs {
		switch {
		case p.after < 0:
			out = append(out, "-"+before[p.before:p.before+1])
		case p.before < 0:
			out = append(out, "+"+after[p.after:p.after+1])
		default:
			out = append(out, before[p.before:p.before+1])
		}
	}
	return strings.Join(out, " ")
}

func TestAlign(t *testing.T) {
	for _, tt := range []struct {
		before, after, want string
		cells               int
	}{
		{"", "", "", alignCells},
		{"abc", "abc", "a b c", alignCells},
		{"abc", "", "-a -b -c", alignCells},
		{"", "abc", "+a +b +c", alignCells},
		{"abcd", "acd", "a -b c d", alignCells},
		{"acd", "abcd", "a +b c d", alignCells},
		{"abc", "axc", "a -b +x c", alignCells},
		{"aaab", "aab", "a a -a b", alignCells},
		{"xabcdef", "abcdefy", "-x a b c d e f +y", alignCells},
		{"xabcdef", "abcdefy", "-x a b c d e f +y", 32}, // a band is enough for a small shift
		{"abcdefghijkl", "lmnopqrstuvw", "-a -b +l -c +m -d +n -e +o -f +p -g +q -h +r -i +s -j +t -k -l +u +v +w", 16}, // and for a large one too narrow
		{"aBc", "abc", "a B c", alignCells}, // alike, not identical
		{"aBbc", "abc", "a -B b c", alignCells},
	} {
		score := func(i, j int) int {
			switch b, a := tt.before[i:i+1], tt.after[j:j+1]; {
			case a == b:
				return identical
			case strings.EqualFold(a, b):
				return 1
			}
			return 0
		}
		if got := shown(tt.before, tt.after, align(len(tt.before), len(tt.after), tt.cells, score)); got != tt.want {
			t.Errorf("%q, %q: got %q, want %q", tt.before, tt.after, got, tt.want)
		}
	}
}

// The work is bounded however long the sequences are, and every item stands in
// the result once.
func TestAlignCost(t *testing.T) {
	const cells = 1 << 14
	for _, size := range [][2]int{{5e4, 5e4}, {5e4, 3}, {3, 5e4}, {1, 5e4}, {5e4, 0}, {100, 9e4}, {9e4, 100}} {
		n, m := size[0], size[1]
		for name, score := range map[string]int{"nothing alike": 0, "all alike": 1} {
			t.Run(fmt.Sprintf("%d,%d,%s", n, m, name), func(t *testing.T) {
				calls := 0
				pairs := align(n, m, cells, func(int, int) int { calls++; return score })
				if most := cells + 8*(n+m); calls > most {
					t.Errorf("%d calls, want %d at the most", calls, most)
				}
				i, j := 0, 0
				for _, p := range pairs {
					if p.before >= 0 {
						if p.before != i {
							t.Fatalf("%d comes after %d", p.before, i-1)
						}
						i++
					}
					if p.after >= 0 {
						if p.after != j {
							t.Fatalf("%d comes after %d", p.after, j-1)
						}
						j++
					}
				}
				if i != n || j != m {
					t.Errorf("%d and %d items, want %d and %d", i, j, n, m)
				}
			})
		}
	}
}
