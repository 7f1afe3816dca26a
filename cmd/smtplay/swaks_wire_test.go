package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
)

// agreeing are the replies of a server that has everything, by the beginning of
// what it is told; to all else it says 250.
var agreeing = []struct {
	command string
	reply   []string
}{
	{"EHLO", []string{"250-yes.example", "250-PIPELINING", "250-PRDR", "250-AUTH PLAIN LOGIN CRAM-MD5", "250 XCLIENT NAME ADDR HELO PORT"}},
	{"LHLO", []string{"250-yes.example", "250 PIPELINING"}},
	{"XCLIENT", []string{"220 yes.example"}},
	{"AUTH LOGIN", []string{"334 VXNlcm5hbWU6"}},
	{"AUTH CRAM-MD5", []string{"334 PDEyM0B5ZXMuZXhhbXBsZT4="}},
	{"AUTH X-LOGIN", []string{"334 "}},
	{"AUTH", []string{"235 2.7.0 welcome"}},
	{"DATA", []string{"354 go"}},
	{"QUIT", []string{"221 2.0.0 bye"}},
}

// agree plays that server, and tells of each line that it read, and of the end.
func agree(heard func(line string)) server.Handler {
	return func(s *server.Session) {
		_ = s.Reply("220 yes.example ESMTP")
		text, prompts := false, 0
		for {
			line, err := s.ReadLine()
			if err != nil {
				heard("(gone)")
				return
			}
			heard(line)
			reply := []string{"250 2.0.0 Ok"}
			switch {
			case text && line != ".":
				continue
			case text:
				text = false
			case prompts > 1:
				prompts--
				reply = []string{"334 UGFzc3dvcmQ6"}
			case prompts == 1:
				prompts--
				reply = []string{"235 2.7.0 welcome"}
			default:
				for _, a := range agreeing {
					if strings.HasPrefix(strings.ToUpper(line), a.command) {
						reply = a.reply
						break
					}
				}
				text = strings.EqualFold(line, "DATA")
				prompts = map[string]int{"AUTH LOGIN": 2, "AUTH CRAM-MD5": 1}[strings.ToUpper(line)]
			}
			_ = s.Reply(reply...)
			if strings.EqualFold(line, "QUIT") {
				return
			}
		}
	}
}

// listens is a server that agrees, at a port or a socket in a folder, and what it
// has heard once one client has left.
func listens(t *testing.T, socket string) (address string, heard func() string) {
	t.Helper()
	var said strings.Builder
	s := &server.Server{Handler: agree(func(line string) { said.WriteString(line + "\n") })}
	if socket != "" {
		s.Network, s.Address = "unix", socket
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.Addr(), func() string {
		_ = s.Wait(t.Context(), 1) // a client that left early is none of its errors here
		return said.String()
	}
}

// nameGiven is the client's own name, which is the machine's.
var nameGiven = regexp.MustCompile(`(?m)^(HELO|EHLO|LHLO) .*`)

// TestSwaksOnTheWire: our line of the page says to a server what swaks says by its
// option, word by word.
func TestSwaksOnTheWire(t *testing.T) {
	labtest.Program(t, "swaks")
	const envelope = `mail "a@example.org"; rcpt "b@example.com"`
	for _, tt := range []struct{ options, ours, why string }{
		{"--quit-after RCPT", `ehlo(); ` + envelope + `; quit()`, "--from, --to, and where to stop"},
		{"--to b@example.com,c@example.com --quit-after RCPT", `ehlo(); ` + envelope + `; rcpt "c@example.com"`, "two recipients; QUIT comes by itself"},
		{"--from <> --quit-after RCPT", `ehlo(); mail ""; rcpt "b@example.com"`, "the null sender"},
		{"--ehlo client.example.org --quit-after EHLO", `ehlo "client.example.org"`, "the client's name"},
		{"--protocol SMTP --quit-after HELO", `helo()`, "HELO"},
		{"--protocol LMTP --quit-after RCPT", `lhlo(); ` + envelope, "LHLO"},
		{"--auth PLAIN --auth-user james --auth-password yourpassword --quit-after AUTH", `ehlo(); auth("PLAIN", "james", secret "password")`, "one message"},
		{"--auth LOGIN --auth-user james --auth-password yourpassword --quit-after AUTH", `ehlo(); auth("LOGIN", "james", secret "password")`, "user and password, each asked for"},
		{"--auth CRAM-MD5 --auth-user james --auth-password yourpassword --quit-after AUTH", `ehlo(); auth("CRAM-MD5", "james", secret "password")`, "a challenge answered"},
		{"--pipeline --quit-after RCPT", `ehlo(); pipeline{ "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>" }; expect 250; expect 250`, "commands in one go"},
		{"--xclient ADDR=203.0.113.7 --quit-after XCLIENT", `ehlo(); send "XCLIENT ADDR=203.0.113.7"; expect 220`, "as written"},
		{"--xclient-name client.example.net --quit-after RCPT", `ehlo(); xclient{ name = "client.example.net" }; ehlo(); ` + envelope, "EHLO again after XCLIENT"},
		{"--drop-after MAIL", `ehlo(); mail "a@example.org"; close()`, "gone without QUIT, the reply read"},
		{"--drop-after-send MAIL", `ehlo(); raw "MAIL FROM:<a@example.org>\r\n"; close()`, "gone without QUIT, the reply not read"},
		{"--prdr --quit-after MAIL", `ehlo(); mail("a@example.org", { prdr = true })`, "a parameter of MAIL"},
		{"--data letter.eml", `ehlo(); ` + envelope + `; data(file "letter.eml")`, "a message as it lies there, dots doubled"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeIn(t, dir, "letter.eml", "Subject: test\n\nHi\n.dot") // swaks adds the last line end
			writeIn(t, dir, "pw.txt", "yourpassword\n")
			writeIn(t, dir, "t.lua", "--- as swaks\n"+tt.ours+"\n")
			for i, by := range []struct{ swaks, smtplay string }{{"--server ", "--server "}, {"--socket ", "--target smtp=unix:"}} {
				socket := func(whose string) string {
					if i == 0 {
						return ""
					}
					return filepath.Join(dir, whose)
				}
				address, theirs := listens(t, socket("theirs"))
				inFolder(t, dir, "swaks --from a@example.org --to b@example.com "+strings.ReplaceAll(tt.options, "<>", "'<>'")+" "+by.swaks+address)
				address, ours := listens(t, socket("ours"))
				out, exit := inFolder(t, dir, "smtplay run --secret password=@pw.txt "+by.smtplay+address+" t.lua")
				want, got := nameGiven.ReplaceAllString(theirs(), "$1 NAME"), nameGiven.ReplaceAllString(ours(), "$1 NAME")
				if exit != 0 || got != want || !strings.Contains(want, "LO NAME\n") {
					t.Errorf("%s%s: swaks says\n%s\nand we, with exit status %d,\n%s\n%s", by.swaks, tt.options, want, exit, got, out)
				}
			}
		})
	}
}
