package imap_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/mailbox"
	"smtplay/engine/mailbox/imap"
)

// peer is a server that answers each command as a line of its table says, by the command's beginning, and else politely. TAG stands
// for the command's tag. An answer of "" is silence.
type peer struct {
	greeting string
	answers  [][2]string
	endless  string // after its text an answer goes on with this for ever, where it ends with "…"
	unsafe   bool   // this machine counts as another

	mu  sync.Mutex
	got strings.Builder
}

// polite is what a server with one message says.
var polite = [][2]string{
	{"CAPABILITY", "* CAPABILITY IMAP4rev1 UIDPLUS\r\nTAG OK\r\n"},
	{"SELECT", "* 1 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 5]\r\nTAG OK\r\n"},
	{"UID SEARCH", "* SEARCH 5\r\nTAG OK\r\n"},
	{"UID FETCH 5 (UID BODY", "* 1 FETCH (UID 5 BODY[]<0> {2}\r\nhi)\r\nTAG OK\r\n"},
	{"UID FETCH", "* 1 FETCH (UID 5 INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" RFC822.SIZE 2)\r\nTAG OK\r\n"},
	{"", "TAG OK\r\n"},
}

func (p *peer) serve(c net.Conn) {
	defer c.Close()
	greeting := p.greeting
	if greeting == "" {
		greeting = "* OK hello\r\n"
	}
	if !p.say(c, greeting) {
		return
	}
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		p.mu.Lock()
		p.got.WriteString(line)
		p.mu.Unlock()
		tag, command, _ := strings.Cut(line, " ")
		p.mu.Lock()
		answers := slices.Concat(p.answers, polite)
		p.mu.Unlock()
		for _, a := range answers {
			if strings.HasPrefix(command, a[0]) {
				if !p.say(c, strings.ReplaceAll(a[1], "TAG", tag)) {
					return
				}
				break
			}
		}
	}
}

// say is false where the conversation is over.
func (p *peer) say(c net.Conn, text string) bool {
	text, end := strings.CutSuffix(text, "END")
	text, on := strings.CutSuffix(text, "…")
	io.WriteString(c, text)
	for more := strings.Repeat(p.endless, 1+64<<10/max(1, len(p.endless))); on; {
		if _, err := io.WriteString(c, more); err != nil {
			return false
		}
	}
	return !end
}

// heard is all that was sent.
func (p *peer) heard() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got.String()
}

// start gives the options to reach the peer.
func (p *peer) start(t testing.TB) imap.Options {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	o := imap.Options{Server: l.Addr().String(), User: "me", Password: lab.Password, Timeout: 20 * time.Second}
	if p.unsafe {
		o = imap.Far(o)
	}
	return o
}

// all opens the box and takes all that is in it.
func all(t testing.TB, o imap.Options) (found []*mailbox.Message, err error) {
	b, err := imap.Open(t.Context(), o)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	for m, err := range b.Since(time.Time{}).New(t.Context()) {
		if err != nil {
			return found, err
		}
		found = append(found, m)
	}
	return found, nil
}

func TestPeerIsPolite(t *testing.T) {
	t.Parallel()
	p := &peer{}
	found, err := all(t, p.start(t))
	if err != nil || len(found) != 1 || string(found[0].Raw) != "hi" {
		t.Fatalf("found %v, %v", found, err)
	}
	if !strings.Contains(p.heard(), ` LOGIN "me" "`+lab.Password+`"`) {
		t.Errorf("logged in with %q", p.heard())
	}
}

// No password goes over a connection that is not safe, whoever says what.
func TestNothingIsSent(t *testing.T) {
	t.Parallel()
	tls := [2]string{"CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\nTAG OK\r\n"}
	for _, row := range []struct {
		reason   string
		greeting string
		answers  [][2]string
		kind     imap.Kind
		text     string
	}{
		{"STARTTLS was stripped", "", nil, imap.NotOffered, "does not offer STARTTLS"},
		{"STARTTLS is refused", "", [][2]string{tls, {"STARTTLS", "TAG NO later\r\n"}}, imap.Refused, "later"},
		{"TLS does not come", "", [][2]string{tls, {"STARTTLS", "TAG OK go\r\nEND"}}, imap.Handshake, "handshake failed"},
		{"a handshake that is not answered", "", [][2]string{tls, {"STARTTLS", "TAG OK go\r\n"}, {"", ""}}, imap.Silent, "not finished within"},
		{"clear text behind the OK", "", [][2]string{tls, {"STARTTLS", "TAG OK go\r\n* CAPABILITY AUTH=PLAIN\r\n"}}, imap.Injected, "clear text"},
		{"logged in before TLS", "* PREAUTH welcome\r\n", nil, imap.Malformed, "logged in already"},
		{"turned away", "* BYE too many\r\nEND", nil, imap.Ended, "too many"},
		{"another protocol", "220 mx ESMTP\r\n", nil, imap.Malformed, "220 mx ESMTP"},
		{"nothing", "END", nil, imap.Ended, "connection ended"},
		{"a line without end", "* OK …", nil, imap.Malformed, "more than"},
		{"lines without end", "", [][2]string{{"CAPABILITY", "…"}}, imap.Malformed, "more than"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			p := &peer{greeting: row.greeting, answers: row.answers, unsafe: true, endless: "* OK x"}
			if row.reason == "lines without end" {
				p.endless = "* OK x\r\n"
			}
			o := p.start(t)
			if row.kind == imap.Silent {
				o.Timeout = 300 * time.Millisecond
			}
			_, err := imap.Open(t.Context(), o)
			want(t, err, row.kind, row.text)
			if heard := strings.ToUpper(p.heard()); strings.Contains(heard, "LOGIN") || strings.Contains(heard, "AUTHENTICATE") {
				t.Errorf("sent %q", heard)
			}
		})
	}
}

func TestDisabled(t *testing.T) {
	t.Parallel()
	p := &peer{answers: [][2]string{{"CAPABILITY", "* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=GSSAPI\r\nTAG OK\r\n"}}}
	_, err := imap.Open(t.Context(), p.start(t))
	want(t, err, imap.NotOffered, "(LOGINDISABLED), but GSSAPI")
	if heard := p.heard(); strings.Contains(heard, "LOGIN") {
		t.Errorf("sent %q", heard)
	}
}

// A server that echoes the password does not put it into our report.
func TestEchoes(t *testing.T) {
	t.Parallel()
	for _, echo := range []string{lab.Password, "AG1lAHlvdXJwYXNzd29yZA==", strings.Repeat("x", 290) + lab.Password} {
		p := &peer{answers: [][2]string{{"LOGIN", "TAG NO no such user me " + echo + "\r\n"}}}
		_, err := imap.Open(t.Context(), p.start(t))
		want(t, err, imap.Login, "no such user me ")
		if strings.Contains(err.Error(), lab.Password[:8]) || strings.Contains(err.Error(), "AG1lAHlv") {
			t.Errorf("told %q", err)
		}
		t.Log(err)
	}
}

// Whatever a server sends ends in bounded time and memory, with an error that says what it was.
func TestHostile(t *testing.T) {
	for _, row := range []struct {
		reason   string
		answers  [][2]string
		endless  string
		kind     imap.Kind
		text     string
		deadline time.Duration
	}{
		{"silence", [][2]string{{"UID SEARCH", ""}}, "", imap.Silent, "no answer within 300ms", 300 * time.Millisecond},
		{"silence within a message", [][2]string{{"UID FETCH 5 (UID BODY", "* 1 FETCH (UID 5 BODY[]<0> {20}\r\nhi"}}, "", imap.Silent, "no answer within", 300 * time.Millisecond},
		{"silence after a login", [][2]string{{"LOGIN", ""}}, "", imap.Silent, "login: no answer within", 300 * time.Millisecond},
		{"a line without end", [][2]string{{"NOOP", "* OK …"}}, "x", imap.Malformed, "more than", 0},
		{"lines without end", [][2]string{{"NOOP", "…"}}, "* 1 EXISTS\r\n", imap.Malformed, "more than", 0},
		{"messages without end", [][2]string{{"UID SEARCH", "* SEARCH…"}}, " 7 9", imap.Malformed, "more than", 0},
		{"lists within lists that never end", [][2]string{{"UID FETCH", "* 1 FETCH (UID 5 BODYSTRUCTURE …"}}, "(", imap.Malformed, "more than", 0},
		{"lists within lists", [][2]string{{"UID FETCH", "* 1 FETCH (UID 5 BODYSTRUCTURE " + strings.Repeat("(", 500_000) + ")\r\nTAG OK\r\n"}}, "", imap.Malformed, "no place in IMAP", 0},
		{"fetches without end", [][2]string{{"UID FETCH", "…"}}, "* 1 FETCH (UID 5 RFC822.SIZE 2)\r\n", imap.Malformed, "more than", 0},
		{"expunges without end", [][2]string{{"NOOP", "…"}}, "* 1 EXPUNGE\r\n", imap.Malformed, "more than", 0},
		{"4 GB of a message", [][2]string{{"UID FETCH 5 (UID BODY", "* 1 FETCH (UID 5 BODY[]<0> {4294967296}\r\n…"}}, "x", imap.Malformed, "more of a message", 0},
		{"more than all numbers", [][2]string{{"UID FETCH 5 (UID BODY", "* 1 FETCH (UID 5 BODY[]<0> {99999999999999999999}\r\n…"}}, "x", imap.Malformed, "more of a message", 0},
		{"4 GB where no message was asked for", [][2]string{{"UID FETCH", "* 1 FETCH (UID 5 BODY[] {4294967296}\r\n…"}}, "x", imap.Malformed, "more of a message", 0},
		{"a message that does not end", [][2]string{{"UID FETCH 5 (UID BODY", "* 1 FETCH (UID 5 BODY[]<0> {2}\r\nhi) …"}}, "x", imap.Malformed, "more than", 0},
		{"every number there is", [][2]string{{"UID SEARCH", "* ESEARCH (TAG \"TAG\") UID ALL 1:4294967295\r\nTAG OK\r\n"}}, "", imap.Crowded, "INBOX has more than 100000 messages of that time: use a folder", 0},
		{"the number 0", [][2]string{{"UID SEARCH", "* SEARCH 0\r\nTAG OK\r\n"}}, "", imap.Malformed, "no place in IMAP", 0},
		{"another tag", [][2]string{{"NOOP", "T999 OK\r\n"}}, "", imap.Malformed, "T999 OK", 0},
		{"an unasked continuation", [][2]string{{"NOOP", "+ go on\r\n"}}, "", imap.Malformed, "no place in IMAP", 0},
		{"another protocol", [][2]string{{"NOOP", "HTTP/1.1 400 Bad Request\r\n\r\n"}}, "", imap.Malformed, "no place in IMAP", 0},
		{"bytes", [][2]string{{"NOOP", "\x00\xff\x16\x03\x01\r\n"}}, "", imap.Malformed, "no place in IMAP", 0},
		{"a date that is none", [][2]string{{"UID FETCH", "* 1 FETCH (UID 5 INTERNALDATE \"yesterday\")\r\nTAG OK\r\n"}}, "", imap.Malformed, "no place in IMAP", 0},
		{"turned out", [][2]string{{"NOOP", "* BYE shutting down\r\nEND"}}, "", imap.Ended, "shutting down", 0},
		{"turned out without a word", [][2]string{{"NOOP", "END"}}, "", imap.Ended, "connection ended", 0},
		{"refused", [][2]string{{"UID SEARCH", "TAG NO [INUSE] busy\r\n"}}, "", imap.Refused, "NO [INUSE] busy", 0},
		{"an end within a message", [][2]string{{"UID FETCH 5 (UID BODY", "* 1 FETCH (UID 5 BODY[]<0> {20}\r\nhiEND"}}, "", imap.Ended, "connection ended", 0},
	} {
		t.Run(row.reason, func(t *testing.T) {
			p := &peer{answers: row.answers, endless: row.endless}
			o := p.start(t)
			if row.deadline > 0 {
				o.Timeout = row.deadline
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			found, err := all(t, o)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			t.Log(took.Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20, "MB:", err)
			want(t, err, row.kind, row.text)
			if len(found) > 0 {
				t.Errorf("found %q", found[0].Raw)
			}
			if took > 10*time.Second || after.TotalAlloc-before.TotalAlloc > 64<<20 {
				t.Errorf("took %v and %d bytes", took, after.TotalAlloc-before.TotalAlloc)
			}
		})
	}
}

// Without UIDPLUS removing one would remove what others marked.
func TestNoUIDPlus(t *testing.T) {
	t.Parallel()
	p := &peer{answers: [][2]string{{"CAPABILITY", "* CAPABILITY IMAP4rev1\r\nTAG OK\r\n"}}}
	b := open(t, p.start(t))
	for m, err := range b.Since(time.Time{}).New(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		want(t, b.Remove(t.Context(), m), imap.NotOffered, "UIDPLUS")
	}
	if heard := p.heard(); strings.Contains(heard, "STORE") || strings.Contains(heard, "EXPUNGE") {
		t.Errorf("sent %q", heard)
	}
}

// What a message is new by: its UID, whatever the date; else its date.
func TestNewByUIDOrDate(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, row := range []struct {
		reason string
		next   int       // UIDNEXT at Open: the message is 5
		dated  time.Time // by the server
		since  time.Time
		is     bool
	}{
		{"came after Open, the server's clock is behind", 5, now.Add(-time.Hour), now, true},
		{"came before the test", 6, now.Add(-2 * time.Second), now, false},
		{"came in the second in which the test began", 6, now.Truncate(time.Second), now.Truncate(time.Second).Add(999 * time.Millisecond), true},
		{"was there at Open and is dated later: the server's clock is ahead", 6, now.Add(time.Hour), now, false},
		{"came after Open, but the watch is of later", 5, now, now.Add(time.Hour), false},
	} {
		p := &peer{answers: [][2]string{
			{"SELECT", fmt.Sprintf("* 1 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT %d]\r\nTAG OK\r\n", row.next)},
			{"UID FETCH 5 (UID BODY", polite[3][1]},
			{"UID FETCH", "* 1 FETCH (UID 5 INTERNALDATE \"" + row.dated.Format("_2-Jan-2006 15:04:05 -0700") + "\" RFC822.SIZE 2)\r\nTAG OK\r\n"},
		}}
		if got := found(t, open(t, p.start(t)).Since(row.since)); (len(got) == 1) != row.is {
			t.Errorf("%s: found %d", row.reason, len(got))
		}
	}
}

// The folder that is found after a connection was lost must be the one it was.
func TestMadeAnew(t *testing.T) {
	t.Parallel()
	p := &peer{answers: [][2]string{{"NOOP", "* BYE bye\r\nEND"}}}
	b := open(t, p.start(t))
	w := b.Since(time.Time{})
	for _, err := range w.New(t.Context()) {
		want(t, err, imap.Ended, "bye")
	}
	p.mu.Lock()
	p.answers = [][2]string{{"SELECT", "* 1 EXISTS\r\n* OK [UIDVALIDITY 8]\r\n* OK [UIDNEXT 5]\r\nTAG OK\r\n"}}
	p.mu.Unlock()
	for _, err := range w.New(t.Context()) {
		want(t, err, imap.Renumbered, "UIDVALIDITY was 7 and is 8")
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ reason, server, user string }{
		{"no server", "", "me"},
		{"no host", ":143", "me"},
		{"a port that is none", "localhost:imap", "me"},
		{"a port that is none", "localhost:0", "me"},
		{"an address with a port, without brackets", "::1:2:x", "me"},
		{"no user", "localhost:1", ""},
	} {
		_, err := imap.Open(t.Context(), imap.Options{Server: row.server, User: row.user})
		want(t, err, imap.Misuse, "no connection was made")
	}
	_, err := imap.Open(t.Context(), imap.Options{Server: "127.0.0.1:1", User: "me"})
	want(t, err, imap.Unreachable, "imap 127.0.0.1:1: connect: no connection: connect: connection refused")
}

// A closed box says so, and can be closed twice.
func TestClosed(t *testing.T) {
	t.Parallel()
	b := open(t, (&peer{}).start(t))
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Error(err)
	}
	for _, err := range b.Since(time.Time{}).New(t.Context()) {
		want(t, err, imap.Misuse, "closed")
	}
}
