package scripts_test

import (
	"crypto/x509"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// served is a site that plays transcripts, and what clients left them for.
type served struct {
	site
	recording *server.Recording
	servers   []*server.Server

	mu   sync.Mutex
	left []*server.Departure
}

// serve plays transcripts, each target at an address of its own.
func serve(t *testing.T, files map[string][]byte, secrets map[string]string) *served {
	t.Helper()
	s := &served{recording: &server.Recording{Secrets: secrets}}
	for name, file := range files {
		if err := s.recording.Add(name, file); err != nil {
			t.Fatal(err)
		}
	}
	s.recording.Left = func(d *server.Departure) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.left = append(s.left, d)
	}
	pem, err := s.recording.CA()
	if err != nil {
		t.Fatal(err)
	}
	s.site = site{targets: map[string]string{}, ca: x509.NewCertPool(), name: lab.Hostname}
	s.ca.AppendCertsFromPEM(pem)
	for _, target := range s.recording.Targets() {
		srv := &server.Server{Handler: s.recording.ServeTargets(target.Name)}
		if err := srv.Listen(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { srv.Close() })
		s.servers = append(s.servers, srv)
		s.targets[target.Name] = srv.Addr()
	}
	return s
}

// departures are those of all clients: no more are served.
func (s *served) departures() []*server.Departure {
	for _, srv := range s.servers {
		srv.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.left)
}

// outcomes are what came of each test, and why where it was skipped.
func outcomes(results []suite.Result) []string {
	var all []string
	for _, r := range results {
		all = append(all, r.String()+": "+r.Outcome.String()+" "+r.Reason)
	}
	slices.Sort(all)
	return all
}

// recorded are the transcripts of all tests of a runbook against a Postfix, by
// the names of the tests.
func recorded(t *testing.T, s site, name string) (results []suite.Result, files map[string][]byte) {
	t.Helper()
	s.record = t.TempDir()
	results, files = s.run(t, []string{name}, "send=yes"), map[string][]byte{}
	for _, r := range results {
		text, err := os.ReadFile(r.Record)
		if err != nil {
			t.Fatal(err)
		}
		files[r.String()] = text
	}
	return results, files
}

// sites are Postfixes that between them let every runbook do all that it can.
func sites(t *testing.T) map[string]site {
	return map[string]site{
		"usual": postfixSite(t, labtest.ForTest(t, lab.Options{})),
		"AUTH in clear, self-signed": postfixSite(t, labtest.Private(t, lab.Options{Certificate: lab.Certificate{Issuer: lab.Self},
			MasterArgs: map[string][]string{"smtp": {"smtpd_tls_auth_only=no"}}})),
	}
}

// TestOwnTranscripts: what a runbook did with a Postfix, it does with its own
// transcripts served: all tests at once, four at a time.
func TestOwnTranscripts(t *testing.T) {
	t.Parallel()
	for kind, s := range sites(t) {
		for _, name := range names(t) {
			t.Run(kind+"/"+name, func(t *testing.T) {
				then, files := recorded(t, s, name)
				played := map[string][]byte{}
				for test, text := range files {
					if strings.Contains(string(text), "* connect ") { // one that is skipped at once says nothing
						played[test] = text
					}
				}
				again := serve(t, played, map[string]string{"password": lab.Password})
				now := again.run(t, []string{name}, "send=yes")
				if got, want := outcomes(now), outcomes(then); !slices.Equal(got, want) {
					t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
					for _, r := range now {
						t.Log(story(r))
					}
				}
				for _, d := range again.departures() {
					t.Error(d)
				}
				if n := again.recording.Unplayed(); n > 0 {
					t.Errorf("%d conversations were not played", n)
				}
			})
		}
	}
}

var replyForm = regexp.MustCompile(`(?m)^(?:S: \d\d\d-.*\n)*S: \d\d\d .*\n`)

// TestAlteredReply: each reply in each transcript is altered, one at a time. The
// test fails at what that reply answers, and shows it; and the served side tells
// of nothing that comes before it.
func TestAlteredReply(t *testing.T) {
	t.Parallel()
	s := postfixSite(t, labtest.ForTest(t, lab.Options{}))
	altered := 0
	for _, name := range names(t) {
		results, files := recorded(t, s, name)
		for _, sound := range results {
			text := string(files[sound.String()])
			for _, place := range replyForm.FindAllStringIndex(text, -1) {
				altered++
				reply := text[place[0]:place[1]]
				line := 1 + strings.Count(text[:place[0]], "\n")
				command := commandBefore(text[:place[0]])
				again := serve(t, map[string][]byte{"t.smtp": []byte(text[:place[0]] + "S: " + strings.ReplaceAll(spoil(reply[3:]), "\r\n", "\n") + text[place[1]:])}, nil)
				again.only = sound.String()
				now := again.run(t, []string{name}, "send=yes")
				if len(now) != 1 {
					t.Fatalf("%v: %d results", sound, len(now))
				}
				r := now[0]
				for _, d := range again.departures() {
					if d.Pos.Line <= line {
						t.Errorf("%v: line %d was altered: %v", sound, line, d)
					}
				}
				if unjudged(sound, command) || strings.HasPrefix(command, "MAIL") && r.Outcome == suite.Failed {
					continue
				}
				if !failedIn(r, name) || !strings.Contains(r.Failure.What+r.Failure.Got, "99 ") || len(r.Extra) > 0 {
					t.Errorf("%v: line %d, to %q, was altered: %q: %s", sound, line, command, reply, story(r))
				}
				if got := r.Failure; got != nil && got.Command != "" && got.Command != command {
					t.Errorf("%v: line %d, to %q, was altered, and %q failed", sound, line, command, got.Command)
				}
			}
		}
	}
	t.Logf("%d replies altered", altered)
	if altered < 200 {
		t.Errorf("only %d replies were altered", altered)
	}
}

// commandBefore is the last command in a part of a transcript, as a failure names it.
func commandBefore(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range slices.Backward(lines) {
		if command, ok := strings.CutPrefix(line, "C: "); ok {
			if i > 0 && lines[i-1] == "C: STARTTLS" {
				return "STARTTLS" // that one is answered, what was injected is not
			}
			return strings.ReplaceAll(command, `\x00`, "\x00")
		}
		if strings.HasPrefix(line, "* connect") {
			break
		}
	}
	return "the connect"
}
