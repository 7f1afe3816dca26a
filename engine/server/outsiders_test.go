package server_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// outsider is a program that is not ours. Where it is not installed the test is
// skipped, but for a run in which nothing may be missing.
func outsider(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("SMTPLAY_POSTFIX") == "require" {
		t.Fatalf("%v, and SMTPLAY_POSTFIX=require", err)
	}
	if err != nil {
		t.Skip(err)
	}
	return path
}

// submission is a message sent by one who logs in.
func submission(hello, ehlo, mail, rcpt, data, quit string) []byte {
	return file("* connect submission x:1", "S: 220 mail.example.com ESMTP", "C: "+hello, "S: 250-mail.example.com", "S: 250-PIPELINING", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 2.0.0 go",
		"* tls TLS1.3 TLS_AES_128_GCM_SHA256 CN=mail.example.com verified", "C: "+ehlo, "S: 250-mail.example.com", "S: 250 AUTH PLAIN", "C: AUTH PLAIN [sasl user=james secret=password]", "S: 235 2.7.0 in",
		"C: "+mail, "S: 250 2.1.0 Ok", "C: "+rcpt, "S: 250 2.1.5 Ok", "C: "+data, "S: 354 go", "C: Subject: hello", "C: ", "C: text", "C: .", "S: 250 2.0.0 Ok: queued as 1", "C: "+quit, "S: 221 2.0.0 Bye", "* close client")
}

// TestOutsiders: clients that are not ours take what is served for a server, TLS
// and login included; and are caught where they leave it.
func TestOutsiders(t *testing.T) {
	exact := submission("EHLO client.example.org", "EHLO client.example.org", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", "QUIT")
	other := submission("ehlo somebody", "ehlo somebody", "mail from:<>", "rcpt to:<x@y.example>", "data", "quit")
	clients := []struct {
		name string
		args func(address, ca, mail string) []string
	}{
		{"swaks", func(address, ca, mail string) []string {
			return []string{"--server", address, "--helo", "client.example.org", "-tls", "--tls-verify", "--tls-ca-path", ca,
				"--auth", "PLAIN", "--auth-user", "james", "--auth-password", "pw", "-f", "a@b.example", "-t", "c@d.example", "--data", "@" + mail}
		}},
		{"curl", func(address, ca, mail string) []string {
			return []string{"-sS", "--ssl-reqd", "--cacert", ca, "--connect-to", "mail.example.com:25:" + address, "smtp://mail.example.com:25/client.example.org",
				"--user", "james:pw", "--login-options", "AUTH=PLAIN", "--sasl-ir", "--mail-from", "a@b.example", "--mail-rcpt", "c@d.example", "-T", mail}
		}},
	}
	for _, client := range clients {
		for _, tt := range []struct {
			name    string
			file    []byte
			lenient bool
			left    []string
		}{
			{"strict", exact, false, nil},
			{"lenient", other, true, nil},
			{"strict, of another", other, false, []string{"a.smtp:4 ehlo somebody | EHLO client.example.org | 554 5.5.0 a.smtp:4 has ehlo somebody"}},
		} {
			t.Run(client.name+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				path := outsider(t, client.name)
				r := record(t, tt.file)
				r.Lenient = tt.lenient
				srv := r.start(t)
				pem, err := r.CA()
				if err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				ca, mail := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "mail.txt")
				for name, text := range map[string]string{ca: string(pem), mail: "Subject: hello\r\n\r\ntext"} {
					if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				said, err := exec.CommandContext(t.Context(), path, client.args(srv.Addr(), ca, mail)...).CombinedOutput()
				if (err != nil) != (tt.left != nil) {
					t.Errorf("%v\n%s", err, said)
				}
				srv.Wait(t.Context(), 1)
				if got := r.departures(); !slices.Equal(got, tt.left) {
					t.Errorf("left:\n%s\n%s", strings.Join(got, "\n"), said)
				}
			})
		}
	}
}
