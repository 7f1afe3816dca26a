package jump

import (
	"context"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"smtplay/engine"
	"smtplay/engine/jump/jumptest"
	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

// reach is a jump host that trusts d and has a key.
func reach(t *testing.T, d *jumptest.Server, key ssh.Signer) *Host {
	t.Helper()
	file := filepath.Join(t.TempDir(), "known_hosts")
	line := knownhosts.Line([]string{d.Address}, d.Host.PublicKey())
	if err := os.WriteFile(file, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := &Host{Address: d.Address, User: "admin", Keys: []ssh.AuthMethod{ssh.PublicKeys(key)}}
	var err error
	if h.Known, h.Types, err = KnownHosts(d.Address, file, filepath.Join(t.TempDir(), "absent")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func connect(t *testing.T, h *Host, address string, o engine.Options) (*engine.Conn, *transcript.Log, error) {
	t.Helper()
	log := &transcript.Log{Redactor: &transcript.Redactor{}}
	o.Via, o.Recorder, o.Secrets = h, log, log.Redactor
	c, err := engine.Connect(t.Context(), address, o)
	if c != nil {
		t.Cleanup(c.Close)
	}
	return c, log, err
}

func said(log *transcript.Log) string {
	var b []byte
	events, _ := log.Events()
	for _, e := range events {
		b = transcript.AppendEvent(b, e)
	}
	return string(b)
}

// A whole conversation through an SSH host, TLS included.
func TestConversation(t *testing.T) {
	t.Parallel()
	key, _ := jumptest.Key(t)
	d := jumptest.Start(t, key.PublicKey())
	h := reach(t, d, key)
	made, err := server.MakeCertificate(server.CertificateOptions{Names: []string{"mail.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	peer := server.Start(t, server.Polite{Domain: "mail.example.com", TLS: made.ServerConfig()}.Serve)
	_, port, _ := net.SplitHostPort(peer.Addr())
	for _, row := range []struct {
		reason, address string
		loopback        bool
		literal         string
	}{
		{"an address of the host's loopback", peer.Addr(), true, "127.0.0.1"},
		{"localhost, which is the SSH host's", "localhost:" + port, true, "127.0.0.1"},
		{"a name that the SSH host resolves", "inside.example:" + port, false, "<nil>"},
	} {
		c, log, err := connect(t, h, row.address, engine.Options{Security: engine.TLSOptions{NoVerify: true}})
		if err != nil {
			t.Fatalf("%s: %v", row.reason, err)
		}
		if c.Loopback() != row.loopback || c.LocalIP().String() != row.literal {
			t.Errorf("%s: loopback %v, our end %v", row.reason, c.Loopback(), c.LocalIP())
		}
		for _, line := range []string{"", "EHLO me", "STARTTLS"} {
			if line != "" {
				if err := c.Send(t.Context(), transcript.Pos{}, line); err != nil {
					t.Fatalf("%s: %v", row.reason, err)
				}
			}
			if r, err := c.ReadReply(t.Context(), 0); err != nil || r.Code/100 != 2 {
				t.Fatalf("%s: %v, %v", row.reason, r, err)
			}
		}
		if err := c.Handshake(t.Context(), c.Security()); err != nil {
			t.Fatalf("%s: %v", row.reason, err)
		}
		if err := c.ExpectSilence(t.Context(), 20*time.Millisecond); err != nil {
			t.Errorf("%s: %v", row.reason, err)
		}
		if err := c.Send(t.Context(), transcript.Pos{}, "QUIT"); err != nil {
			t.Errorf("%s: %v", row.reason, err)
		}
		if _, err := c.ReadReply(t.Context(), 0); err != nil {
			t.Errorf("%s: %v", row.reason, err)
		}
		if err := c.ExpectClose(t.Context(), 0); err != nil {
			t.Errorf("%s: the server's end: %v", row.reason, err)
		}
		if want := "* connect " + row.address + "\n* note through ssh://admin@" + d.Address + "\n"; !strings.HasPrefix(said(log), want) {
			t.Errorf("%s:\n%s", row.reason, said(log))
		}
	}
	if len(d.Conns) != 1 {
		t.Errorf("%d SSH connections, want one for all", len(d.Conns))
	}
}

// A UNIX socket of the SSH host's.
func TestSocket(t *testing.T) {
	t.Parallel()
	key, _ := jumptest.Key(t)
	h := reach(t, jumptest.Start(t, key.PublicKey()), key)
	peer := &server.Server{Network: "unix", Address: filepath.Join(t.TempDir(), "s")}
	if err := peer.Listen(); err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c, _, err := connect(t, h, "unix:"+peer.Addr(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.ReadReply(t.Context(), 0); err != nil || r.Code != 220 || !c.Loopback() {
		t.Errorf("%v, %v, loopback %v", r, err, c.Loopback())
	}
}

// Why no connection could be made, and that there is none then.
func TestNoConnection(t *testing.T) {
	t.Parallel()
	key, _ := jumptest.Key(t)
	other, _ := jumptest.Key(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	nobody := closed.Addr().String()
	for _, row := range []struct {
		reason string
		change func(*jumptest.Server, *Host)
		want   string
	}{
		{"nobody listens behind it", func(*jumptest.Server, *Host) {}, "could not connect to " + nobody + ": Connection refused (connect failed)"},
		{"it forwards nothing", func(d *jumptest.Server, _ *Host) { d.Refuses = true }, "does not allow connections to " + nobody + ": administratively prohibited (administratively prohibited): AllowTcpForwarding or PermitOpen forbids it there"},
		{"it never answers", func(d *jumptest.Server, _ *Host) { d.Stalls = true }, "did not connect to " + nobody + " in time"},
		{"no SSH server", func(_ *jumptest.Server, h *Host) { h.Address = nobody }, "no SSH connection to ssh://admin@" + nobody + ": connect: connection refused"},
		{"an SSH server that says nothing", func(_ *jumptest.Server, h *Host) { h.Address = silent.Addr().String() }, "did not finish the SSH handshake in time"},
		{"another key than it wants", func(_ *jumptest.Server, h *Host) {
			h.Keys, h.Skipped = []ssh.AuthMethod{ssh.PublicKeys(other)}, []string{"id_rsa is encrypted"}
		}, "does not let admin in with any key of the agent, of ~/.ssh or of --via-key (not tried: id_rsa is encrypted)"},
		{"no key at all", func(_ *jumptest.Server, h *Host) { h.Keys = nil }, "does not let admin in"},
		{"a host key that nobody knows", func(d *jumptest.Server, h *Host) { h.Known, h.Types, _ = KnownHosts(h.Address) }, "is in no known_hosts: log in with ssh once"},
		{"another host key than before", func(d *jumptest.Server, h *Host) { d.Host = other; h.Known, h.Types = reach(t, d, key).Known, nil }, "is not the one at"},
		{"no word on host keys", func(_ *jumptest.Server, h *Host) { h.Known = nil }, "no host key is known"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			d := jumptest.Start(t, key.PublicKey())
			h := reach(t, d, key)
			row.change(d, h)
			c, _, err := connect(t, h, nobody, engine.Options{Timeout: 300 * time.Millisecond})
			if c != nil || !engine.IsKind(err, engine.Dial) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want %s", err, row.want)
			}
		})
	}
}

// A server behind SSH that says nothing, takes nothing in, or is cut off.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	key, _ := jumptest.Key(t)
	d := jumptest.Start(t, key.PublicKey())
	h := reach(t, d, key)
	quiet := server.Start(t, func(s *server.Session) { _ = s.Hang() })
	c, _, err := connect(t, h, quiet.Addr(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadReply(t.Context(), 50*time.Millisecond); !engine.IsKind(err, engine.Timeout) {
		t.Errorf("silence: %v", err)
	}

	deaf := server.Start(t, func(s *server.Session) { _ = s.Reply("220 ready"); <-s.Context().Done() })
	if c, _, err = connect(t, h, deaf.Addr(), engine.Options{Timeout: 200 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadReply(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if err := c.Raw(t.Context(), transcript.Pos{}, make([]byte, 32<<20)); !engine.IsKind(err, engine.Timeout) {
		t.Errorf("nothing is taken in: %v", err)
	}

	if c, _, err = connect(t, h, quiet.Addr(), engine.Options{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := c.ReadReply(ctx, 0); !engine.IsKind(err, engine.Interrupted) {
		t.Errorf("interrupted: %v", err)
	}

	if c, _, err = connect(t, h, quiet.Addr(), engine.Options{}); err != nil {
		t.Fatal(err)
	}
	(<-d.Conns).Close()
	if _, err := c.ReadReply(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "the SSH connection to ssh://admin@"+d.Address+" broke") {
		t.Errorf("SSH was cut: %v", err)
	}
	if c, _, err = connect(t, h, deaf.Addr(), engine.Options{}); err != nil {
		t.Fatalf("SSH anew: %v", err)
	}
	if r, err := c.ReadReply(t.Context(), 0); err != nil || r.Code != 220 {
		t.Errorf("SSH anew: %v, %v", r, err)
	}
}

// Who takes nothing in does not keep what we have closed.
func TestClose(t *testing.T) {
	t.Parallel()
	key, _ := jumptest.Key(t)
	h := reach(t, jumptest.Start(t, key.PublicKey()), key)
	deaf := server.Start(t, func(s *server.Session) { <-s.Context().Done() })
	nc, err := h.DialContext(t.Context(), "tcp", deaf.Addr())
	if err != nil {
		t.Fatal(err)
	}
	nc.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	if _, err := nc.Write(make([]byte, 32<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	nc.Close()
	select {
	case <-nc.(*conn).sent:
	case <-time.After(10 * time.Second):
		t.Error("its writes go on")
	}

	heard := make(chan string, 1)
	peer := server.Start(t, func(s *server.Session) {
		line, _ := s.ReadLine()
		heard <- line
	})
	if nc, err = h.DialContext(t.Context(), "tcp", peer.Addr()); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Write([]byte("last words\r\n")); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if line := <-heard; line != "last words" {
		t.Errorf("%q was heard", line)
	}
}

// With what to log in, and what is said of keys that are of no use.
func TestKeys(t *testing.T) {
	t.Parallel()
	key, private := jumptest.Key(t)
	d := jumptest.Start(t, key.PublicKey())
	folder := t.TempDir()
	write := func(name, passphrase string) string {
		block, err := ssh.MarshalPrivateKey(private, "")
		if passphrase != "" {
			block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	socket := filepath.Join(folder, "agent")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, nc) }()
		}
	}()
	peer := server.Start(t, nil)
	in := func(reason, socket, folder, file string) {
		h := reach(t, d, key)
		var err error
		if h.Keys, h.Skipped, err = Keys(socket, folder, file); err != nil {
			t.Errorf("%s: %v", reason, err)
			return
		}
		if _, _, err := connect(t, h, peer.Addr(), engine.Options{}); err != nil {
			t.Errorf("%s: %v", reason, err)
		}
	}
	in("the agent", socket, filepath.Join(folder, "empty"), "")
	in("a file", "", "", write("mine", ""))
	locked := write("id_ecdsa", "secret")
	if _, skipped, err := Keys("", folder, ""); err != nil || len(skipped) != 1 || !strings.Contains(skipped[0], locked+" is encrypted: give it to ssh-agent") {
		t.Errorf("%v, %v", skipped, err)
	}
	write("id_ed25519", "")
	in("the folder, where another key is encrypted, and an agent that is gone", filepath.Join(folder, "gone"), folder, "")
	broken, err := net.Listen("unix", filepath.Join(folder, "broken"))
	if err != nil {
		t.Fatal(err)
	}
	defer broken.Close()
	go func() {
		for nc, err := broken.Accept(); err == nil; nc, err = broken.Accept() {
			nc.Close()
		}
	}()
	in("the folder, and an agent that does not answer", broken.Addr().String(), folder, "")
	garbage := filepath.Join(folder, "garbage")
	if err := os.WriteFile(garbage, []byte("-----BEGIN nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{locked: "is encrypted", garbage: "is no private key", filepath.Join(folder, "absent"): "no such file"} {
		if _, _, err := Keys("", "", file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
