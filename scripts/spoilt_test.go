package scripts_test

import (
	"bufio"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// spoil is what a server says in the place of a reply: a refusal, or no refusal
// where there should be one.
func spoil(reply string) string {
	if reply[0] == '5' {
		return "299 2.9.9 spoilt\r\n"
	}
	return "599 5.9.9 spoilt\r\n"
}

// spoiler stands between a test and a server, TLS included, and puts another
// reply in the place of one, counted over all connections.
type spoiler struct {
	certificate *server.Certificate

	mu      sync.Mutex
	at      int    // which reply, from 0
	replies int    // seen so far
	done    string // what was spoilt, "" before
	command string // what that answered
}

// next tells of a reply what goes on to the client.
func (s *spoiler) next(reply, command string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies++
	if s.replies-1 != s.at {
		return reply
	}
	s.done, s.command = reply, command
	return spoil(reply)
}

// front is the address at which the server behind it is spoilt.
func (s *spoiler) front(t *testing.T, address string, secure bool) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	t.Cleanup(func() { listener.Close() })
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer client.Close()
				behind, err := net.Dial("tcp", address)
				if err != nil {
					return
				}
				defer behind.Close()
				for _, conn := range []net.Conn{client, behind} {
					_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
				}
				s.relay(client, behind, secure)
			})
		}
	})
	return listener.Addr().String()
}

// relay passes on a reply and what answers it, in turns.
func (s *spoiler) relay(client, behind net.Conn, secure bool) {
	if secure {
		client, behind = s.encrypt(client, behind)
	}
	fromClient, fromServer := bufio.NewReader(client), bufio.NewReader(behind)
	command := "the connect"
	for {
		reply, err := readReply(fromServer)
		if err != nil {
			return
		}
		told := s.next(reply, command)
		if _, err := client.Write([]byte(told)); err != nil {
			return
		}
		switch code := told[:3]; {
		case code == "221" || reply[:3] == "221":
			return
		case code == "220" && strings.EqualFold(command, "STARTTLS"):
			client, behind = s.encrypt(client, behind)
			fromClient, fromServer = bufio.NewReader(client), bufio.NewReader(behind)
		case reply[:3] == "354" && told != reply, reply[:3] == "334" && told != reply, strings.EqualFold(command, "STARTTLS"):
			// The server is where the client does not know it to be: all that
			// the client says from here on is agreed to.
			agree(client, fromClient)
			return
		}
		for whole := true; ; {
			line, err := fromClient.ReadString('\n')
			if err != nil {
				return
			}
			command = strings.TrimRight(line, "\r\n")
			if _, err := behind.Write([]byte(line)); err != nil {
				return
			}
			// Only CR LF . CR LF ends a message.
			if told[:3] != "354" || whole && line == ".\r\n" {
				break
			}
			whole = strings.HasSuffix(line, "\r\n")
		}
	}
}

func (s *spoiler) encrypt(client, behind net.Conn) (net.Conn, net.Conn) {
	return tls.Server(client, s.certificate.ServerConfig()), tls.Client(behind, &tls.Config{InsecureSkipVerify: true})
}

// agree says yes to everything.
func agree(client net.Conn, from *bufio.Reader) {
	for {
		if _, err := from.ReadString('\n'); err != nil {
			return
		}
		if _, err := client.Write([]byte("250 2.0.0 Ok\r\n")); err != nil {
			return
		}
	}
}

// readReply reads all lines of a reply.
func readReply(r *bufio.Reader) (string, error) {
	var reply strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		reply.WriteString(line)
		if len(line) < 4 || line[3] != '-' {
			return reply.String(), nil
		}
	}
}

// TestNoReplyIsPassedOver: each reply of each test of each runbook is spoilt,
// one at a time, and every time the test fails, and shows what came. What need
// not be judged is named by unjudged.
func TestNoReplyIsPassedOver(t *testing.T) {
	t.Parallel()
	certificate, err := server.MakeCertificate(server.CertificateOptions{Names: []string{lab.Hostname}})
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := demoSite(t)
	s := &spoiler{certificate: certificate, at: -1}
	through := site{targets: map[string]string{}, ca: certificate.Pool, name: lab.Hostname}
	for name, address := range plain.targets {
		through.targets[name] = s.front(t, address, name == "submissions")
	}
	// run runs one test, or all of a runbook, with that reply spoilt, or none.
	run := func(name, only string, at int) []suite.Result {
		s.mu.Lock()
		s.at, s.replies, s.done = at, 0, ""
		s.mu.Unlock()
		through.only = only
		return through.run(t, []string{name}, "send=yes")
	}
	wantSound(t, through.run(t, names(t), "send=yes"), absent...)
	spoiltReplies := 0
	for _, name := range names(t) {
		for _, sound := range run(name, "", -1) {
			for at := 0; ; at++ {
				results := run(name, sound.String(), at)
				s.mu.Lock()
				done, command := s.done, s.command
				s.mu.Unlock()
				if done == "" {
					break
				}
				if len(results) != 1 {
					t.Fatalf("%v: %d results", sound, len(results))
				}
				spoiltReplies++
				r := results[0]
				if unjudged(sound, command) {
					continue
				}
				if r.Outcome == suite.Failed && strings.HasPrefix(command, "MAIL") && done[0] == '5' {
					continue // accepted where it should not be: the refusal of the recipient is no longer the one that was wanted
				}
				if !failedIn(r, name) || !strings.Contains(r.Failure.What+r.Failure.Got, "99 ") {
					t.Errorf("%v: reply %d, to %q, was spoilt: %q: %s", sound, at, command, done, story(r))
				}
			}
		}
	}
	t.Logf("%d replies spoilt", spoiltReplies)
	if spoiltReplies < 200 {
		t.Errorf("only %d replies were spoilt", spoiltReplies)
	}
}

// failedIn says whether a test of a runbook failed, in its file or in a module
// that it called.
func failedIn(r suite.Result, name string) bool {
	return r.Outcome == suite.Failed && slices.ContainsFunc(append(r.Failure.Via, r.Failure.Pos),
		func(p transcript.Pos) bool { return p.File == "scripts/"+name })
}

// unjudged says whether the reply to a command may be any. The QUIT of a test
// that skips is smtplay's own. Where a refusal is wanted, a refusal of the sender
// is one, and after it there is no transaction that RSET could end.
func unjudged(sound suite.Result, command string) bool {
	verb, _, _ := strings.Cut(command, " ")
	wantsRefusal := slices.ContainsFunc([]string{"relay-refused-from-outside.lua: nor ", "submission-needs-login.lua: ", "auth-plain.lua: a wrong password is refused",
		"encryption-of-each-port.lua: submission: "}, func(prefix string) bool { return strings.HasPrefix(sound.String(), "scripts/"+prefix) })
	about := func(prefix string) bool { return strings.HasPrefix(sound.String(), "scripts/smuggling-"+prefix) }
	switch { // where a server may do its task or refuse it
	case command == ".":
		return about("end-of-data.lua") || about("nul.lua") || about("long-lines.lua: a message with a line of 4000")
	case strings.HasPrefix(command, "noop"): // in small letters: NOOP, which comes after it, is judged
		return about("bare-cr.lua") || about("nul.lua") || about("long-lines.lua") && !about("long-lines.lua: a command line of 512")
	case verb == "RCPT" && about("long-lines.lua: a local part"), verb == "STARTTLS" && about("starttls-injection.lua"):
		return true
	}
	switch verb {
	case "QUIT":
		return sound.Outcome == suite.Skipped
	case "MAIL":
		return wantsRefusal && strings.Contains(sound.String(), ": nor ") // any refusal will do there, elsewhere it must be one of those without a login
	case "RSET":
		return wantsRefusal
	}
	return false
}
