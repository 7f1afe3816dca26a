package transcript

// pair is an item of one sequence and the one of another that it corresponds
// to; -1 stands for none.
type pair struct{ before, after int }

// identical is the score of two items that are the same.
const identical = 6

// Bounds on the work of aligning two sequences. Longer ones are aligned in a
// band around the diagonal, which bounds how far one may be shifted against the
// other.
const (
	alignCells = 4 << 20
	talkCells  = 1 << 18 // of conversations, each pair of which is work by itself
)

// align pairs the items of two sequences of lengths n and m, in order, so that
// the scores of the pairs make the largest sum. Items that score 0 are no pair.
// What is missing comes before what is new. cells bounds the work.
func align(n, m, cells int, score func(before, after int) int) []pair {
	var pairs []pair
	head := 0
	for head < n && head < m && score(head, head) == identical {
		pairs = append(pairs, pair{head, head})
		head++
	}
	tail := 0
	for tail < n-head && tail < m-head && score(n-1-tail, m-1-tail) == identical {
		tail++
	}
	middle := newBand(n-head-tail, m-head-tail, cells)
	middle.fill(func(i, j int) int { return score(head+i, head+j) })
	middle.walk(func(i, j int) {
		p := pair{-1, -1}
		if i >= 0 {
			p.before = head + i
		}
		if j >= 0 {
			p.after = head + j
		}
		pairs = append(pairs, p)
	})
	for i := range tail {
		pairs = append(pairs, pair{n - tail + i, m - tail + i})
	}
	return pairs
}

// step is the way on from a cell.
type step uint8

const (
	lost   step = iota // an item of the first has no partner
	gained             // an item of the second has none
	paired
)

// band is the part of the table of n by m cells that is looked at: in row i the
// cells from start(i) on, width of them.
type band struct {
	n, m, width int
	steps       []step
}

func newBand(n, m, cells int) *band {
	b := &band{n: n, m: m}
	b.width = min(m+1, max(cells/(n+1), 2*(m/(n+1)+2)))
	b.steps = make([]step, (n+1)*b.width)
	return b
}

// start is the first cell of row i.
func (b *band) start(i int) int {
	center := 0
	if b.n > 0 {
		center = int(int64(i) * int64(b.m) / int64(b.n))
	}
	return max(0, min(center-b.width/2, b.m+1-b.width))
}

func (b *band) holds(i, j int) bool {
	at := j - b.start(i)
	return at >= 0 && at < b.width
}

// fill decides for each cell how to go on from there, from the last row up.
func (b *band) fill(score func(i, j int) int) {
	below, row := make([]int32, b.width), make([]int32, b.width)
	const never = -1 << 30
	at := func(sums []int32, i, j int) int32 {
		if j > b.m || !b.holds(i, j) {
			return never
		}
		return sums[j-b.start(i)]
	}
	for i := b.n; i >= 0; i-- {
		start := b.start(i)
		for k := b.width - 1; k >= 0; k-- {
			j := start + k
			if i == b.n && j == b.m {
				row[k] = 0
				continue
			}
			best, way := int32(never), lost
			if i < b.n {
				best = at(below, i+1, j)
			}
			if right := at(row, i, j+1); j < b.m && right > best {
				best, way = right, gained
			}
			if i < b.n && j < b.m {
				if s := int32(score(i, j)); s > 0 {
					if sum := at(below, i+1, j+1) + s; sum >= best {
						best, way = sum, paired
					}
				}
			}
			row[k] = best
			b.steps[i*b.width+k] = way
		}
		below, row = row, below
	}
}

// walk goes along the best way, and calls yield for each pair; -1 stands for no
// partner.
func (b *band) walk(yield func(i, j int)) {
	for i, j := 0, 0; i < b.n || j < b.m; {
		switch b.steps[i*b.width+j-b.start(i)] {
		case paired:
			yield(i, j)
			i, j = i+1, j+1
		case lost:
			yield(i, -1)
			i++
		default:
			yield(-1, j)
			j++
		}
	}
}
