package lua51

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

const (
	heapMetric   = "/memory/classes/heap/objects:bytes"
	stackMetric  = "/memory/classes/heap/stacks:bytes" // Go's, deep where pcalls nest, and one for every strand
	liveMetric   = "/gc/heap/live:bytes"
	allocsMetric = "/gc/heap/allocs:bytes"

	watchInterval = 20 * time.Millisecond
	// leastAllocated is what the process must have allocated between two samples for a busy script to be the reason.
	leastAllocated = 512 << 10
	// mostCharged is how much scripts may take in large pieces until the heap is looked at, whatever the time.
	mostCharged = 32 << 20
)

// Watchdog ends scripts that fill the memory of the process, which the machine itself cannot bound. A process has one,
// shared by all states through Options; it costs nothing while no script runs. The zero value works.
//
// It samples the heap every 20 ms. Over the limit (once a collection has shown that it is not just garbage), it ends
// the scripts that alone can have filled it just now: those that have run for a whole interval without waiting (see
// State.Wait), in which the process went on allocating. All of them, since nothing tells which of them it was. Scripts
// that wait for a server now and then are left alone, until the heap is at twice the limit: then no rule finds the
// right one, and all that run are ended, to save the process. Either way the cause is a *MemoryError.
//
// What is taken in large pieces, long strings and coroutines, is charged: who takes the last of 32 MiB looks at the
// heap at once, and is ended when it is full. In small pieces a script can allocate some 100 MiB between two samples;
// the peak is that much above the limit.
type Watchdog struct {
	// Limit is how many bytes the heap may hold while one script runs. 0 is 256 MiB.
	Limit uint64
	// PerScript is added for every further script that ran at the same time, now or before: a state that rests keeps
	// its memory. 0 is 4 MiB.
	PerScript uint64

	mu        sync.Mutex
	running   map[*watched]struct{}
	most      int // that ever ran at once
	armed     bool
	ended     int    // scripts told to end that still run: what they hold is not yet freed
	uncertain bool   // since scripts were ended, no collection has freed what they held
	allocated uint64 // by the process in all its life, at the last sample

	charged  atomic.Int64 // taken in large pieces since the heap was looked at for it
	settling sync.Mutex   // held by who looks; others with large pieces wait
}

// MemoryError is why a script was ended.
type MemoryError struct {
	Heap, Limit uint64 // bytes
	Running     int    // scripts that ran at the time
	Ended       int    // of these were ended
}

// Error says how full the memory was, and whether this script alone was ended.
func (e *MemoryError) Error() string {
	text := fmt.Sprintf("out of memory: the heap holds %d MiB, the limit is %d MiB", e.Heap>>20, e.Limit>>20)
	if e.Running > 1 {
		text += fmt.Sprintf(" for %d scripts (%d of them were ended)", e.Running, e.Ended)
	}
	return text
}

// watched is what the watchdog knows of one state.
type watched struct {
	spell  atomic.Uint64 // odd while the script waits, and different after each wait
	seen   uint64        // spell at the last sample, 0 before the first
	cancel context.CancelCauseFunc
	own    bool // cancel ends a context that was made for the script
	called bool // a Call is under way; there may be strands without
	ended  bool
	why    error // ended was for

	strands map[*Strand]struct{}
	over    []context.CancelCauseFunc // of calls that have ended; strands may run under their contexts
}

// pause begins a time in which no Lua runs, if none has begun, and resume ends it.
func (w *watched) pause()  { w.spell.Store((w.spell.Load() | 1) + 2) }
func (w *watched) resume() { w.spell.Store((w.spell.Load() | 1) + 1) }

// Wait tells the watchdog that the script waits for something, and is to be called by builtins that block, around the
// blocking, and not inside each other: defer s.Wait()(), or done := s.Wait(); …; done(). The other strands wait as long:
// see Release.
func (s *State) Wait() (done func()) {
	s.watched.pause()
	return s.endWait
}

// watch begins to watch a script that runs under ctx, which cancel ends; without one the script gets a context of its
// own. It must run under the context returned, and leave be called when it has ended.
func (w *Watchdog) watch(ctx context.Context, cancel context.CancelCauseFunc, script *watched) context.Context {
	if w == nil {
		return ctx
	}
	if script.own = cancel == nil; script.own {
		ctx, cancel = context.WithCancelCause(ctx)
	}
	script.resume()
	w.mu.Lock()
	defer w.mu.Unlock()
	if script.ended { // and strands of it go on
		w.ended--
	}
	script.cancel, script.called, script.seen, script.ended = cancel, true, 0, false
	if w.running == nil {
		w.running = make(map[*watched]struct{})
	}
	w.running[script] = struct{}{}
	w.most = max(w.most, len(w.running))
	if !w.armed {
		w.armed = true
		time.AfterFunc(watchInterval, w.sample)
	}
	return ctx
}

// charge counts n bytes that a script is about to take. When that is too much until the next sample, it looks at the
// heap, and ends the script that asks when no collection makes room.
func (w *Watchdog) charge(script *watched, n int) {
	if w.charged.Add(int64(n)) < mostCharged {
		return
	}
	w.settling.Lock()
	defer w.settling.Unlock()
	if w.charged.Load() < mostCharged {
		return // somebody else has just looked
	}
	w.charged.Store(0)
	samples := []metrics.Sample{{Name: heapMetric}, {Name: stackMetric}, {Name: liveMetric}}
	metrics.Read(samples)
	w.mu.Lock()
	limit := w.limit()
	w.mu.Unlock()
	if samples[0].Value.Uint64()+samples[1].Value.Uint64() <= limit {
		return
	}
	runtime.GC()
	metrics.Read(samples)
	heap := samples[2].Value.Uint64() + samples[1].Value.Uint64()
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, runs := w.running[script]; runs && heap > limit && !script.ended {
		w.end([]*watched{script}, heap, limit)
	}
}

func (w *Watchdog) leave(script *watched) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if script.own {
		script.over = append(script.over, script.cancel)
	}
	script.called = false
	w.forget(script)
}

// join adds a strand to a script that is watched: they are one, and end together.
func (w *Watchdog) join(script *watched, st *Strand) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if script.strands == nil {
		script.strands = make(map[*Strand]struct{})
	}
	script.strands[st] = struct{}{}
	if script.ended {
		st.cancel(script.why)
	}
}

// part is of a strand that has ended.
func (w *Watchdog) part(script *watched, st *Strand) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(script.strands, st)
	w.forget(script)
}

// forget ends the watch over a script of which nothing runs any more.
func (w *Watchdog) forget(script *watched) {
	if script.called || len(script.strands) > 0 {
		return
	}
	for _, cancel := range script.over {
		cancel(nil)
	}
	clear(script.over)
	script.over = script.over[:0]
	delete(w.running, script)
	if script.ended {
		script.ended = false
		w.ended--
	}
}

// sample is one look at the heap. The next is arranged for only while scripts run.
func (w *Watchdog) sample() {
	w.collect()
	heap, allocated := w.measure()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.armed = len(w.running) > 0; !w.armed {
		return
	}
	limit := w.limit()
	next := watchInterval
	if heap > limit/4 {
		next /= 5 // it may be over the limit soon
	}
	time.AfterFunc(next, w.sample)

	grown := allocated - w.allocated
	w.allocated = allocated
	var suspects, all []*watched
	for script := range w.running {
		spell := script.spell.Load()
		busy := spell%2 == 0 && spell == script.seen
		script.seen = spell
		if heap <= limit || script.ended {
			continue // nobody is looked for: ten thousand scripts may be running
		}
		if busy {
			suspects = append(suspects, script)
		}
		all = append(all, script)
	}
	// What ended scripts held stays in the heap until they are gone and a collection has run; nobody else is blamed
	// for that, short of the emergency.
	switch {
	case heap > 2*limit && len(suspects) == 0:
		w.end(all, heap, limit)
	case heap > 2*limit || heap > limit && !w.uncertain:
		if grown >= leastAllocated {
			w.end(suspects, heap, limit)
		}
	}
}

func (w *Watchdog) limit() uint64 {
	limit, each := w.Limit, w.PerScript
	if limit == 0 {
		limit = 256 << 20
	}
	if each == 0 {
		each = 4 << 20
	}
	return limit + uint64(max(w.most-1, 0))*each
}

func (w *Watchdog) end(scripts []*watched, heap, limit uint64) {
	for _, script := range scripts {
		script.ended, script.why = true, &MemoryError{Heap: heap, Limit: limit, Running: len(w.running), Ended: len(scripts)}
		script.cancel(script.why)
		for st := range script.strands {
			st.cancel(script.why)
		}
	}
	w.ended += len(scripts)
	w.uncertain = w.uncertain || len(scripts) > 0
}

// collect frees what ended scripts held, once they are gone.
func (w *Watchdog) collect() {
	w.mu.Lock()
	due := w.uncertain && w.ended == 0
	w.mu.Unlock()
	if due {
		runtime.GC()
		w.mu.Lock()
		w.uncertain = w.ended > 0
		w.mu.Unlock()
	}
}

// measure is the size of the heap, and what was ever allocated. Over the limit, a collection tells how much of it is
// garbage. What is allocated while it runs passes it unseen, garbage or not, and is left to the next sample.
func (w *Watchdog) measure() (heap, allocated uint64) {
	samples := []metrics.Sample{{Name: heapMetric}, {Name: allocsMetric}, {Name: liveMetric}, {Name: stackMetric}}
	metrics.Read(samples)
	w.mu.Lock()
	limit := w.limit()
	w.mu.Unlock()
	heap, allocated = samples[0].Value.Uint64()+samples[3].Value.Uint64(), samples[1].Value.Uint64()
	// Far above the limit there is no time for that: strings double in the meantime.
	if heap > limit && heap <= limit+limit/2 {
		runtime.GC()
		metrics.Read(samples)
		meanwhile := samples[1].Value.Uint64() - allocated
		heap = samples[2].Value.Uint64()
		heap -= min(heap, meanwhile)
		heap += samples[3].Value.Uint64()
	}
	return heap, allocated
}
