package main

import (
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"smtplay/engine/jump/jumptest"
	"smtplay/engine/lab"
	"smtplay/engine/lab/daemon"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/lab/sshd"
	"smtplay/engine/server"
)

// openSSH is an OpenSSH server of a test's own, and what its user has of it.
type openSSH struct {
	*sshd.SSHD
	via  string // its URL
	key  string // that it lets in
	home string // with .ssh/known_hosts, .ssh/id_ed25519 and t.lua
}

// keyFile is the text of a file with a private key.
func keyFile(t *testing.T, key ed25519.PrivateKey) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// startOpenSSH starts one. What the test writes into the home wins.
func startOpenSSH(t *testing.T, settings, script string) *openSSH {
	t.Helper()
	client, private := jumptest.Key(t)
	host, hostPrivate := jumptest.Key(t)
	o := &openSSH{home: t.TempDir(), key: keyFile(t, private)}
	o.SSHD = labtest.SSHD(t, sshd.Options{
		HostKey: []byte(keyFile(t, hostPrivate)), AuthorizedKeys: ssh.MarshalAuthorizedKey(client.PublicKey()), Settings: settings,
	})
	o.via = "ssh://" + sshd.User + "@" + o.Addr("ssh")
	write(t, o.home, map[string]string{
		".ssh/known_hosts": knownhosts.Line([]string{o.Addr("ssh")}, host.PublicKey()) + "\n",
		".ssh/id_ed25519":  o.key,
		"t.lua":            script,
	})
	return o
}

// restrict lets the key in for nothing, as those who care do for most keys.
func restrict(t *testing.T, o *openSSH) {
	t.Helper()
	path := o.Path("etc", "ssh", "authorized_keys") // which OpenSSH reads at each login
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append([]byte("restrict "), text...), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// run runs t.lua against a server, through OpenSSH.
func (o *openSSH) run(t *testing.T, target string, args ...string) (ended, string) {
	t.Helper()
	c := child{dir: o.home, env: []string{"HOME=" + o.home, "SSH_AUTH_SOCK="}}
	e := c.run(t, append([]string{"run", "-v", "-s", target, "--via", o.via, "t.lua"}, args...)...)
	return e, strings.Join(strings.Fields(e.stdout+e.stderr), " ")
}

// A runbook through OpenSSH to a Postfix, under TLS: by an address, and by
// names that only the SSH host resolves. A UNIX socket is the SSH host's too.
func TestViaOpenSSH(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{})
	o := startOpenSSH(t, "", `ehlo() starttls() ehlo() mail "via@example.org" rcpt "`+lab.User+`" data "Hi" quit()`)
	_, port, _ := net.SplitHostPort(p.Addr("smtp"))
	for _, host := range []string{"127.0.0.1", "localhost", sshd.Inside} {
		e, out := o.run(t, net.JoinHostPort(host, port), "--ca", p.CAFile(), "--tls-name", lab.Hostname)
		if e.status != 0 || !strings.Contains(out, "* note through "+o.via) || !strings.Contains(out, "221 2.0.0 Bye") {
			t.Errorf("%s: status %d\n%s", host, e.status, e.stdout+e.stderr)
		}
		if asked := "target " + host + " port " + port; !strings.Contains(strings.ReplaceAll(o.Log(), ",", ""), asked) {
			t.Errorf("OpenSSH was not asked for %q", asked)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := daemon.WaitUntil(ctx, func() bool { return strings.Count(p.Log(), "from=<via@example.org>") == 3 }); err != nil {
		t.Errorf("Postfix has not one message of each run: %v", err)
	}

	peer := &server.Server{Network: "unix", Address: o.Path("smtp")}
	if err := peer.Listen(); err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if err := os.Chmod(peer.Addr(), 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, o.home, map[string]string{"t.lua": `connect "unix:/smtp" ehlo() send "QUIT" expect(221) expect_close()`})
	if e, _ := o.run(t, p.Addr("smtp")); e.status != 0 {
		t.Errorf("a socket: status %d\n%s", e.status, e.stdout+e.stderr)
	}
}

// Why OpenSSH makes no connection: nothing was tested then.
func TestViaOpenSSHRefuses(t *testing.T) {
	t.Parallel()
	peer := server.Start(t, func(s *server.Session) { t.Errorf("session %d", s.Index()) })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	nobody := closed.Addr().String()
	other, private := jumptest.Key(t)
	forbidden := "does not allow connections to " + peer.Addr() + ": open failed (administratively prohibited): AllowTcpForwarding or PermitOpen forbids it there"
	unreachable := "could not connect to /smtp: open failed (connect failed): there is no such socket, or " + sshd.User + " may not open it, or AllowStreamLocalForwarding is off there"
	known := func(o *openSSH) string { return knownhosts.Line([]string{o.Addr("ssh")}, other.PublicKey()) + "\n" }
	for _, row := range []struct {
		reason, settings, target string
		change                   func(*openSSH) map[string]string // files of the home
		want                     string
	}{
		{"it forwards nothing", "AllowTcpForwarding no", peer.Addr(), nil, forbidden},
		{"it forwards what it is reached by alone", "AllowTcpForwarding remote", peer.Addr(), nil, forbidden},
		{"it forwards to others alone", "PermitOpen 127.0.0.1:9", peer.Addr(), nil, forbidden},
		{"it forwards nothing whatever", "DisableForwarding yes", peer.Addr(), nil, forbidden},
		{"it forwards nothing for that key", "", peer.Addr(), func(o *openSSH) map[string]string {
			restrict(t, o)
			return nil
		}, forbidden},
		{"it forwards to no sockets", "AllowStreamLocalForwarding no", peer.Addr(), func(*openSSH) map[string]string {
			return map[string]string{"t.lua": `connect "unix:/smtp"`}
		}, unreachable},
		{"nobody listens behind it", "", nobody, nil, "could not connect to " + nobody + ": Connection refused"},
		{"a name that it does not know", "", "nowhere.invalid:25", nil, "could not connect to nowhere.invalid:25: Name or service not known"},
		{"no such socket", "", peer.Addr(), func(*openSSH) map[string]string {
			return map[string]string{"t.lua": `connect "unix:/smtp"`}
		}, unreachable},
		{"another host key than is known", "", peer.Addr(), func(o *openSSH) map[string]string {
			return map[string]string{".ssh/known_hosts": known(o)}
		}, "is not the one at"},
		{"a host that nobody knows", "", peer.Addr(), func(*openSSH) map[string]string {
			return map[string]string{".ssh/known_hosts": ""}
		}, "is in no known_hosts: log in with ssh once"},
		{"a key that is not authorized", "", peer.Addr(), func(*openSSH) map[string]string {
			return map[string]string{".ssh/id_ed25519": keyFile(t, private)}
		}, "does not let " + sshd.User + " in with any key"},
		{"a user that it does not let in", "DenyUsers " + sshd.User, peer.Addr(), nil, "does not let " + sshd.User + " in with any key"},
		{"a key that is tried too late", "MaxAuthTries 1", peer.Addr(), func(o *openSSH) map[string]string {
			return map[string]string{".ssh/id_rsa": o.key, ".ssh/id_ed25519": keyFile(t, private)}
		}, "hung up on too many keys that it does not know: name the right one with --via-key"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			o := startOpenSSH(t, row.settings, "ehlo()\nquit()")
			if row.change != nil {
				write(t, o.home, row.change(o))
			}
			e, out := o.run(t, row.target)
			if e.status != 3 || !strings.Contains(out, row.want) || !strings.Contains(out, "t.lua:1: no connection to ") {
				t.Errorf("status %d, want 3 and %q\n%s", e.status, row.want, e.stdout+e.stderr)
			}
		})
	}
}

// OpenSSH is killed in mid-conversation: it is to blame, not the server behind
// it, which has closed nothing that a script may have waited for.
func TestViaOpenSSHBreaks(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		reason, script string
		replies        []string // to the lines that come, before the end
	}{
		{"a reply is awaited", `ehlo()`, nil},
		{"the server's close is awaited", `connect() expect(220) send "EHLO me" expect(250) send "x" expect_close()`, []string{"250 me"}},
		{"silence is awaited", `connect() expect(220) send "EHLO me" expect(250) send "x" expect_silence "10s"`, []string{"250 me"}},
		{"the server's refusal of TLS is awaited", `ehlo() starttls{ refused = "close" }`, []string{"250-me\r\n250 STARTTLS", "220 go on"}},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			o := startOpenSSH(t, "", row.script)
			stopped := make(chan error, 1)
			peer := server.Start(t, func(s *server.Session) {
				_ = s.Raw("220 mail.example.com\r\n")
				for _, reply := range row.replies {
					_, _ = s.ReadLine()
					_ = s.Raw(reply + "\r\n")
				}
				_, _ = s.Conn().Read(make([]byte, 1)) // what the last of it waits for has begun
				stopped <- o.Stop()
				<-s.Context().Done()
			})
			e, out := o.run(t, peer.Addr())
			if err := <-stopped; err != nil {
				t.Fatal(err)
			}
			if e.status != 1 || !strings.Contains(out, "FAIL t.lua") || !strings.Contains(out, "the SSH connection to "+o.via+" broke") {
				t.Errorf("status %d, want 1\n%s", e.status, e.stdout+e.stderr)
			}
		})
	}
}
