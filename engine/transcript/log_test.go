package transcript_test

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"smtplay/engine/transcript"
)

func TestLogKeepsCopies(t *testing.T) {
	log := &transcript.Log{}
	for _, size := range []int{0, 3, 1024, 1025, 64 << 10} {
		data := bytes.Repeat([]byte("a"), size)
		log.Record(event{Conn: 1, Kind: transcript.Server, Data: data})
		for i := range data {
			data[i] = 'b'
		}
	}
	events, dropped := log.Events()
	if len(events) != 5 || dropped != 0 {
		t.Fatalf("%d events, %d dropped", len(events), dropped)
	}
	for _, e := range events {
		if bytes.ContainsRune(e.Data, 'b') {
			t.Errorf("an event of %d bytes is not a copy", len(e.Data))
		}
	}
}

func TestLogBounds(t *testing.T) {
	before := heap()
	for _, tt := range []struct {
		size, count int
		why         string
	}{
		{0, 200_000, "empty notes cost memory too"},
		{1, 200_000, "single bytes"},
		{1000, 20_000, "lines"},
		{100 << 10, 200, "large events"},
		{8 << 20, 2, "huge ones"},
	} {
		log := &transcript.Log{}
		data := bytes.Repeat([]byte("a"), tt.size)
		for range tt.count {
			log.Record(event{Conn: 1, Kind: transcript.Note, Data: data})
		}
		events, dropped := log.Events()
		if len(events)+dropped != tt.count || len(events) == 0 {
			t.Errorf("%s: %d kept, %d dropped of %d", tt.why, len(events), dropped, tt.count)
		}
		if used := heap() - before; used > 12<<20 {
			t.Errorf("%s: %d bytes kept", tt.why, used)
		}
		runtime.KeepAlive(log)
		if last := events[len(events)-1].Data; len(last) > 64<<10+len("…") || tt.size > 64<<10 && !bytes.HasSuffix(last, []byte("…")) {
			t.Errorf("%s: the last event has %d bytes", tt.why, len(last))
		}
	}
}

func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestLogCutsNoMask(t *testing.T) {
	r := &transcript.Redactor{}
	r.Add("p", "hunter2")
	var whole kept
	log := &transcript.Log{Redactor: r, Next: []transcript.Recorder{&whole}}
	log.Record(event{Conn: 1, Kind: transcript.Server, Data: []byte("hunter2" + strings.Repeat("a", 64<<10-14) + "hunter2")})
	events, _ := log.Events()
	if n := len(events[0].Spans); n != 1 {
		t.Errorf("%d masks are kept", n)
	}
	if n := len(whole[0].Spans); n != 2 || !bytes.HasSuffix(whole[0].Data, []byte("[secret:p]")) {
		t.Errorf("%d masks reach those behind", n)
	}
}

func TestLogInParallel(t *testing.T) {
	var behind kept
	log := &transcript.Log{Redactor: &transcript.Redactor{}, Next: []transcript.Recorder{&behind}}
	log.Redactor.Add("p", "hunter2")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				log.Record(event{Conn: 1, Kind: transcript.Server, Data: []byte("250 hunter2\r\n")})
				log.Events()
			}
		})
	}
	all.Wait()
	if len(behind) != 400 {
		t.Errorf("%d events", len(behind))
	}
}

func TestWriter(t *testing.T) {
	var file bytes.Buffer
	w := transcript.NewWriter(&file)
	if file.Len() > 0 {
		t.Error("the header comes before anything was said")
	}
	w.Record(event{Conn: 1, Kind: transcript.Connect, Data: []byte("smtp x:25")})
	w.Record(event{Conn: 1, Kind: transcript.Server, Data: []byte("220 x\r\n")})
	if want := transcript.Header + "\n* connect smtp x:25\nS: 220 x\n"; file.String() != want || w.Err() != nil {
		t.Errorf("got %q, %v, want %q", file.String(), w.Err(), want)
	}
	full := &failing{left: 1}
	w = transcript.NewWriter(full)
	for range 3 {
		w.Record(event{Conn: 1, Kind: transcript.Note})
	}
	if w.Err() == nil || full.calls != 2 {
		t.Errorf("after a fault: %v, %d writes", w.Err(), full.calls)
	}
}

// failing is a file on a disk that gets full.
type failing struct{ left, calls int }

func (f *failing) Write(b []byte) (int, error) {
	f.calls++
	if f.left--; f.left < 0 {
		return 0, errors.New("no space left")
	}
	return len(b), nil
}

func TestWords(t *testing.T) {
	info := &transcript.TLSInfo{Version: "TLS1.3", Cipher: "TLS_AES_128_GCM_SHA256", Subject: "CN=x"}
	if got := info.String(); got != "TLS1.3 TLS_AES_128_GCM_SHA256 CN=x verified" {
		t.Error(got)
	}
	info.Problems = []string{"expired", "self-signed certificate"}
	if got := info.String(); !strings.HasSuffix(got, "unverified: expired, self-signed certificate") {
		t.Error(got)
	}
	for _, tt := range []struct {
		pos  transcript.Pos
		want string
	}{{transcript.Pos{}, ""}, {transcript.Pos{File: "a.lua"}, "a.lua"}, {transcript.Pos{File: "a.lua", Line: 3}, "a.lua:3"}} {
		if got := tt.pos.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
