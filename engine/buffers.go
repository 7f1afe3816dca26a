package engine

import "sync"

// bufferPool keeps the buffers of conversations that are over for those to come.
type bufferPool struct{ pool sync.Pool }

type pair struct{ in, out []byte }

var buffers bufferPool

func (p *bufferPool) take() (in, out []byte) {
	if b, ok := p.pool.Get().(*pair); ok {
		return b.in, b.out
	}
	return make([]byte, 0, 1024), nil
}

// give takes back the buffers of one conversation, but no large ones.
func (p *bufferPool) give(in, out []byte) {
	if cap(in) <= 4096 && cap(in) > 0 && cap(out) <= 16<<10 {
		p.pool.Put(&pair{in[:0], out[:0]})
	}
}
