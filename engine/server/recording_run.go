package server

import (
	"bytes"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// run is what one side wrote without a word of the other's, and where its lines
// stand in the file. Pieces are cut off its front.
type run struct {
	data  []byte
	spans []transcript.Span // offsets in data
	marks []mark

	at, span, mark int // what was cut off already
}

// mark says that data from an offset on stands in that line of the file.
type mark struct{ at, line int }

// add puts a piece behind what is there.
func (r *run) add(p piece) {
	at := len(r.data)
	r.marks = append(r.marks, mark{at, p.line})
	r.data = append(r.data, p.data...)
	for _, s := range p.spans {
		r.spans = append(r.spans, transcript.Span{Start: s.Start + at, End: s.End + at, Mask: s.Mask})
	}
}

// left is what was not cut off yet.
func (r *run) left() []byte { return r.data[r.at:] }

// masked says whether there are masks in what is left.
func (r *run) masked() bool { return r.span < len(r.spans) }

// cutLine cuts off a line with its end, or what there is of one.
func (r *run) cutLine() piece { return r.cutWithin(len(r.left())) }

// cutWithin cuts off a line with its end, or the next most bytes of it.
func (r *run) cutWithin(most int) piece {
	if i := bytes.IndexByte(r.left()[:most], '\n'); i >= 0 {
		return r.cut(i + 1)
	}
	return r.cut(most)
}

// cut cuts off the next n bytes.
func (r *run) cut(n int) piece {
	for r.mark+1 < len(r.marks) && r.marks[r.mark+1].at <= r.at {
		r.mark++
	}
	end := r.at + n
	p := piece{data: r.data[r.at:end:end], line: r.marks[r.mark].line}
	for ; r.span < len(r.spans) && r.spans[r.span].End <= end; r.span++ {
		s := r.spans[r.span]
		p.spans = append(p.spans, transcript.Span{Start: s.Start - r.at, End: s.End - r.at, Mask: s.Mask})
	}
	r.at = end
	return p
}

// replies cuts all of it into replies. Of what is no reply all is one piece.
func (r *run) replies() []piece {
	var all []piece
	for len(r.left()) > 0 {
		var s wire.Scanner
		n, err := s.Scan(r.left())
		if n == 0 || err != nil {
			n = len(r.left())
		}
		all = append(all, r.cut(n))
	}
	return all
}
