package main

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"smtplay/engine/jump/jumptest"
	"smtplay/engine/server"
)

// A run through an SSH host whose key is known, with a key of --via-key or of
// ~/.ssh; one whose key is another is not talked to.
func TestVia(t *testing.T) {
	t.Parallel()
	key, private := jumptest.Key(t)
	d := jumptest.Start(t, key.PublicKey())
	peer := server.Start(t, server.Polite{Domain: "mail.example.com", Users: map[string]string{"james": "pa55word"}}.Serve)
	home := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	mine := write("mine", string(pem.EncodeToMemory(block)))
	write("t.lua", "ehlo()\nauth('PLAIN', 'james', secret 'password')\nquit()")
	via := "ssh://admin@" + d.Address
	_, port, _ := strings.Cut(peer.Addr(), ":")
	for _, row := range []struct {
		reason, known, server string
		args                  []string
		status                int
		want                  string
	}{
		{"a host that nobody knows", "", peer.Addr(), []string{"--via-key", mine}, 3, "is in no known_hosts: log in with ssh once"},
		{"the SSH host's loopback is as safe as ours", knownhosts.Line([]string{d.Address}, d.Host.PublicKey()), peer.Addr(), []string{"--via-key", mine}, 0, "note through ssh://admin@" + d.Address},
		{"no home", "", peer.Addr(), []string{"--via-key", mine}, 3, "is in no known_hosts: log in with ssh once"},
		{"a name behind it is not, in clear", "", "inside.example:" + port, []string{"--via-key", mine}, 1, `it is neither TLS nor loopback`},
		{"but for --insecure", "", "inside.example:" + port, []string{"--via-key", mine, "--insecure"}, 0, "* connect smtp inside.example:" + port},
		{"no key", "", peer.Addr(), nil, 3, "does not let admin in with any key"},
		{"a key of ~/.ssh", "", peer.Addr(), []string{"KEY"}, 0, "235"},
		{"another host key", knownhosts.Line([]string{d.Address}, key.PublicKey()), peer.Addr(), nil, 3, "is not the one at"},
	} {
		if row.known != "" {
			write(".ssh/known_hosts", row.known+"\n")
		}
		args := row.args
		at := home
		if row.reason == "no home" {
			at = "" // the folder where we are is not taken for it
		}
		if len(args) == 1 && args[0] == "KEY" {
			write(".ssh/id_ed25519", string(pem.EncodeToMemory(block)))
			args = nil
		}
		c := child{dir: home, env: []string{"HOME=" + at, "SSH_AUTH_SOCK=", "SMTPLAY_SECRET_password=pa55word"}}
		cmd := c.command(t, append([]string{"run", "-v", "-s", row.server, "--via", via, "t.lua"}, args...)...)
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != row.status || !strings.Contains(strings.Join(strings.Fields(string(out)), " "), strings.Join(strings.Fields(row.want), " ")) {
			t.Errorf("%s: status %d, want %d and %q\n%s", row.reason, cmd.ProcessState.ExitCode(), row.status, row.want, out)
		}
		if strings.Contains(string(out), "pa55word") {
			t.Errorf("%s: the password is shown", row.reason)
		}
	}
}
