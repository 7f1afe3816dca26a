package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// terminal reads lines that are edited on it. What is written meanwhile stands
// above the line that is typed.
type terminal struct {
	edit    *term.Terminal
	screen  *screen
	under   io.Writer // what the screen wrote to before
	keys    *keys
	past    *history
	words   []string
	restore func() error

	reading sync.Mutex // held while a line is read
	broken  bool       // the last line was not finished: its prompt still stands there
	closed  bool
}

// openTerminal takes over the terminal until close. Ctrl-C calls interrupt, at
// any time.
func openTerminal(s *screen, interrupt func()) (input, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	t := &terminal{screen: s, under: s.w, keys: newKeys(interrupt), past: &history{}}
	t.restore = func() error { return term.Restore(fd, before) }
	t.edit = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{t.keys, s.w}, "")
	t.edit.History = t.past
	t.edit.AutoCompleteCallback = t.complete
	t.edit.SetBracketedPasteMode(true)
	s.w = t.edit
	go t.keys.listen(os.Stdin)
	return t, nil
}

// close ends a line that is being typed, and gives the terminal back.
func (t *terminal) close() {
	t.keys.end()
	t.reading.Lock()
	defer t.reading.Unlock()
	if t.closed {
		return
	}
	t.closed = true
	t.edit.SetBracketedPasteMode(false)
	if t.broken {
		io.WriteString(t.under, "\r\n")
	}
	t.screen.w = t.under
	// That it cannot be put right nobody could help.
	_ = t.restore()
}

// longestTyped is what the editor holds; it drops what is beyond.
const longestTyped = 4096

func (t *terminal) line(_ context.Context, q question) (string, error) {
	t.reading.Lock()
	defer t.reading.Unlock()
	if t.closed {
		return "", errEnded
	}
	if width, height, err := term.GetSize(int(os.Stdout.Fd())); err == nil && width > 0 {
		_ = t.edit.SetSize(width, height) // what goes wrong here the writer remembers
	}
	t.words, t.past.closed = q.words, q.forget
	read := t.edit.ReadLine
	if q.hidden {
		read = func() (string, error) { return t.edit.ReadPassword(q.prompt) }
	}
	t.edit.SetPrompt(q.prompt)
	line, err := read()
	if errors.Is(err, term.ErrPasteIndicator) {
		err = nil
	}
	t.broken = err != nil
	if err == nil && utf8.RuneCountInString(line) >= longestTyped {
		return "", errLongLine
	}
	return line, err
}

// erase clears the rows that a line was typed on.
func (t *terminal) erase(prompt, line string) {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width < 1 {
		return
	}
	rows := (utf8.RuneCountInString(prompt)+utf8.RuneCountInString(line))/width + 1
	fmt.Fprintf(t.edit, "\x1b[%dA\x1b[J", rows)
}

func (t *terminal) edited() bool { return true }

// complete is called for each key.
func (t *terminal) complete(line string, at int, key rune) (string, int, bool) {
	if key != '\t' || t.words == nil {
		return "", 0, false
	}
	begun, several := completed(line[:at], t.words)
	if len(several) > 0 {
		fmt.Fprintln(t.edit, strings.Join(several, "   "))
	}
	return begun + line[at:], len(begun), true
}

// history are the lines that were typed, but for those that may hold a password
// and for message text.
type history struct {
	lines  []string // the oldest first
	closed bool
}

// longestPast is how many lines are remembered.
const longestPast = 500

// Add implements term.History.
func (h *history) Add(line string) {
	if h.closed || line == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line || len(strings.Fields(line)) > 2 && isAuth(line) {
		return
	}
	h.lines = append(h.lines, line)
	if len(h.lines) > longestPast {
		h.lines = slices.Delete(h.lines, 0, 1)
	}
}

// Len implements term.History.
func (h *history) Len() int { return len(h.lines) }

// At implements term.History: 0 is the newest.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }

// keys are what was typed and nobody has read yet. They are taken in all the
// time, so that Ctrl-C is heard while a reply is waited for.
type keys struct {
	interrupt func()

	mu    sync.Mutex
	more  sync.Cond
	typed []byte
	err   error
	cr    bool // a carriage return came last
}

func newKeys(interrupt func()) *keys {
	k := &keys{interrupt: interrupt}
	k.more.L = &k.mu
	return k
}

const (
	ctrlC     = 0x03
	mostAhead = 1 << 20 // bytes that may be typed, or pasted, ahead
)

func (k *keys) listen(r io.Reader) {
	buffer := make([]byte, 4096)
	for {
		n, err := r.Read(buffer)
		if slices.Contains(buffer[:n], ctrlC) {
			k.interrupt()
			err = io.EOF
		}
		k.mu.Lock()
		for len(k.typed) > mostAhead && k.err == nil {
			k.more.Wait()
		}
		for _, c := range buffer[:n] {
			// One end of a line, however it was pasted.
			if c != '\n' || !k.cr {
				k.typed = append(k.typed, c)
			}
			k.cr = c == '\r'
		}
		if err != nil && k.err == nil {
			k.err = err
		}
		ended := k.err != nil
		k.mu.Unlock()
		k.more.Broadcast()
		if ended {
			return
		}
	}
}

// Read waits for keys.
func (k *keys) Read(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.typed) == 0 && k.err == nil {
		k.more.Wait()
	}
	if len(k.typed) == 0 || errors.Is(k.err, errEnded) {
		return 0, k.err
	}
	n := copy(b, k.typed)
	k.typed = k.typed[n:]
	k.more.Broadcast()
	return n, nil
}

var errEnded = errors.New("the session has ended")

// end wakes whoever waits for a key: there will be none.
func (k *keys) end() {
	k.mu.Lock()
	k.err = errEnded
	k.mu.Unlock()
	k.more.Broadcast()
}
