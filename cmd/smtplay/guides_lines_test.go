package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"smtplay/dsl"
	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
)

// elsewhere are parts of lines that neither the demo nor Postfix can answer: each
// is run against a server of its own. What needs an MX, whose port is 25, is
// compiled and no more.
var elsewhere = []string{"FOO=", "unix:", "lmtp", "PROXY", "X-LOGIN", "prdr", "exec:", "mx =", "proxy =", "DIGEST-MD5"}

// runsElsewhere runs such a line.
func runsElsewhere(t *testing.T, line string) {
	t.Helper()
	dir := t.TempDir()
	cert, err := server.MakeCertificate(server.CertificateOptions{Names: []string{"maila.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	has := func(part string) bool { return strings.Contains(line, part) }
	s, flags := &server.Server{Handler: agree(func(string) {})}, ""
	before := "ehlo(); "
	switch {
	case has("mx ="):
		if _, problems := dsl.Compile(filepath.Join(dir, "t.lua"), []byte(line)); len(problems) > 0 {
			t.Errorf("%s: %v", line, problems)
		}
		return
	case has("unix:"):
		s.Network, s.Address, before = "unix", filepath.Join(dir, "socket"), ""
		line = strings.ReplaceAll(line, "/run/smtp", s.Address) + "; ehlo()"
	case has("exec:"):
		const program = "#!/bin/sh\nprintf '220 pipe\\r\\n'\nwhile read -r line; do printf '250 pipe\\r\\n'; done\n"
		writeIn(t, dir, "bin/exim", program)
		writeIn(t, dir, "bin/sendmail", program)
		line, flags, before = strings.ReplaceAll(line, "/usr/sbin/", filepath.Join(dir, "bin")+"/")+"; ehlo()", " --allow exec", ""
	case has("lmtp"):
		s.Handler, before = server.Polite{LMTP: true, TLS: cert.ServerConfig()}.Serve, ""
	case has("PROXY"), has("proxy ="):
		agreed := s.Handler
		s.Handler = func(c *server.Session) {
			if header, err := c.ReadLine(); err != nil || !strings.HasPrefix(header, "PROXY ") {
				t.Errorf("%s: no PROXY header: %q %v", line, header, err)
			}
			agreed(c)
		}
		before, line = "", line+"; ehlo()"
	case has("DIGEST-MD5"):
		s.Handler = server.Polite{Domain: "example.com", Users: map[string]string{"james": lab.Password}, Mechanisms: []string{"DIGEST-MD5"}}.Serve
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	writeIn(t, dir, "pw.txt", lab.Password+"\n")
	writeIn(t, dir, "ca.pem", string(cert.CertPEM))
	writeIn(t, dir, "t.lua", "--- "+line+"\n"+before+line)
	if s.Network == "" {
		flags += " --server " + s.Addr() + " --target lmtp=" + s.Addr()
	}
	out, exit := inFolder(t, dir, "smtplay run --secret password=@pw.txt --ca ca.pem --tls-name maila.example.com"+flags+" t.lua")
	if exit != 0 || !strings.Contains(out, "1 passed, 0 failed, 0 skipped") {
		t.Errorf("%s: exit status %d\n%s", line, exit, out)
	}
}

// wantsPostfix says whether a line needs what the demo does not have.
func wantsPostfix(line string) bool {
	return strings.Contains(strings.ToLower(line), "xclient") || strings.Contains(line, "client.pem") || strings.Contains(line, "client_asked") ||
		strings.Contains(line, "client certificate")
}

// clientsPostfix is a Postfix that asks for certificates of clients, and says whose.
func clientsPostfix(t *testing.T) site {
	t.Helper()
	p := labtest.Private(t, lab.Options{MainCF: map[string]string{
		"smtpd_tls_ask_ccert": "yes", "smtpd_tls_CAfile": "$config_directory/../tls/ca.pem", "smtpd_tls_session_cache_database": ""}})
	return labSite(t, p)
}

// prints are the fingerprints of a PEM certificate, and of its key.
func prints(t *testing.T, text string) (whole, key string) {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum, spki := sha256.Sum256(c.Raw), sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:]), hex.EncodeToString(spki[:])
}

// TestGuideLines runs each of our lines in the tables of the guides for those who
// come from elsewhere: against the demo, a Postfix, or a server of its own; flags
// are looked for.
func TestGuideLines(t *testing.T) {
	for page, atLeast := range map[string]int{"swaks": 30, "from-expect": 18, "from-s_client": 20} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			s := demoSite(t)
			dir := s.pageFolder(t)
			whole, key := prints(t, s.ca)
			count := map[string]int{}
			for _, line := range spans(page, 1) {
				line = strings.ReplaceAll(line, "SPKI", key)
				if where := runsAt(t, line); where != "" {
					count[where]++
					writeIn(t, dir, where+strconv.Itoa(count[where])+".lua", "--- "+line+"\n"+within(s.there(line)))
				}
			}
			for _, note := range spans(page, 2) {
				if strings.HasPrefix(note, "--") || strings.HasPrefix(note, "smtplay ") {
					wantFlags(t, note)
				}
			}
			if count["demo"] < atLeast {
				t.Errorf("too few lines are run: %v", count)
			}
			s.play(t, dir, "demo", count["demo"], " --var sha256="+whole)
			if count["postfix"] == 0 {
				return
			}
			t.Run("Postfix", func(t *testing.T) {
				p := clientsPostfix(t)
				writeIn(t, dir, "ca.pem", p.ca)
				p.play(t, dir, "postfix", count["postfix"], "")
			})
		})
	}
}

// runsAt says where a line of ours is run: "" means nowhere else, and that it was
// run, or what can be said without a server was.
func runsAt(t *testing.T, line string) string {
	t.Helper()
	switch {
	case strings.HasPrefix(line, "-"), strings.HasPrefix(line, "smtplay "):
		wantFlags(t, line)
		return ""
	case strings.HasPrefix(line, "SMTPLAY_"):
		return ""
	case slices.ContainsFunc(elsewhere, func(part string) bool { return strings.Contains(line, part) }):
		runsElsewhere(t, line)
		return ""
	case wantsPostfix(line):
		return "postfix"
	}
	return "demo"
}

// play runs what was written for one place: all of it passes.
func (s site) play(t *testing.T, dir, where string, count int, flags string) {
	t.Helper()
	line := strings.ReplaceAll(s.there("smtplay run --server mail.example.com --secret password=@pw.txt"), s.addr["smtp"]+" ", s.first()+" ")
	out, exit := inFolder(t, dir, line+flags+" "+where+"*.lua")
	if want := strconv.Itoa(count) + " passed, 0 failed, 0 skipped, 0 errors"; exit != 0 || !strings.Contains(out, want) {
		t.Errorf("want %s, exit status %d:\n%s", want, exit, out)
	}
}

// first is the address of the target smtp: of a Postfix the listener that takes
// XCLIENT as well.
func (s site) first() string {
	if s.lab != nil {
		return s.addr["xclient"]
	}
	return s.addr["smtp"]
}

// TestSClientCommands runs the commands of those who come from s_client.
func TestSClientCommands(t *testing.T) {
	labtest.Program(t, "openssl")
	s := demoSite(t)
	dir := s.pageFolder(t)
	_, key := prints(t, s.ca)
	run := func(t *testing.T, s site, line string) {
		t.Helper()
		line = strings.ReplaceAll(line, "SPKI", key)
		want := 0
		if strings.Contains(line, "-tls1_1") { // the server refuses
			want = 1
		}
		command, typed := s.there(line), "" // at its end s_client leaves
		if strings.Contains(command, "-quiet") {
			typed = `quit\r\n` // but not so
		}
		if out, exit := inFolder(t, dir, "export SSL_CERT_FILE=ca.pem; printf '"+typed+"' | "+command); exit != want {
			t.Errorf("%s: exit status %d, want %d\n%s", line, exit, want, out)
		}
	}
	var postfix []string
	for _, line := range spans("from-s_client", 0) {
		switch {
		case strings.Contains(line, "lmtp"): // neither has it
			cert, err := server.MakeCertificate(server.CertificateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			lmtp := server.Start(t, server.Polite{LMTP: true, TLS: cert.ServerConfig()}.Serve)
			run(t, s, strings.ReplaceAll(line, "mail.example.com:24", lmtp.Addr()))
		case wantsPostfix(line):
			postfix = append(postfix, line)
		default:
			run(t, s, line)
		}
	}
	t.Run("Postfix", func(t *testing.T) {
		p := clientsPostfix(t)
		for _, line := range postfix {
			run(t, p, line)
		}
	})
}

// within is the line in a conversation in which it makes sense.
func within(line string) string {
	verb := regexp.MustCompile(`^\w+`).FindString(line)
	switch {
	case verb == "connect":
		return line + "; ehlo()"
	case verb == "helo", verb == "ehlo":
		return line
	case verb == "mail":
		return "ehlo(); " + line
	case verb == "rcpt":
		return `ehlo(); mail ""; ` + line
	case verb == "data":
		return `ehlo(); mail ""; rcpt "james@new.example.com"; ` + line
	case strings.Contains(strings.ToLower(line), "auth"):
		return "ehlo(); starttls(); ehlo(); " + line
	}
	return "ehlo(); " + line
}

// wantFlags fails unless the command, run where none is named, has the flags of
// the line.
func wantFlags(t *testing.T, line string) {
	t.Helper()
	root := newRoot(&process{})
	verb, flags := "run", line
	if rest, ok := strings.CutPrefix(line, "smtplay "); ok {
		verb, flags, _ = strings.Cut(rest, " ")
	}
	cmd, _, err := root.Find([]string{verb})
	if err != nil || cmd == root && verb != "help" {
		t.Errorf("%s: no command %q: %v", line, verb, err)
		return
	}
	for _, m := range regexp.MustCompile(`(?:^| )--([a-z-]+)`).FindAllStringSubmatch(flags, -1) {
		if cmd.Flags().Lookup(m[1]) == nil {
			t.Errorf("%s: %s has no flag --%s", line, verb, m[1])
		}
	}
}
