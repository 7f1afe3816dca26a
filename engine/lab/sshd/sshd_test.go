package sshd_test

import (
	"encoding/pem"
	"io"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"smtplay/engine/jump/jumptest"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/lab/sshd"
	"smtplay/engine/server"
)

// options are those of a server with a key of its own, and the client's key that it lets in.
func options(t *testing.T) (o sshd.Options, client ssh.Signer) {
	t.Helper()
	client, _ = jumptest.Key(t)
	_, host := jumptest.Key(t)
	block, err := ssh.MarshalPrivateKey(host, "")
	if err != nil {
		t.Fatal(err)
	}
	return sshd.Options{HostKey: pem.EncodeToMemory(block), AuthorizedKeys: ssh.MarshalAuthorizedKey(client.PublicKey())}, client
}

func login(server *sshd.SSHD, user string, methods ...ssh.AuthMethod) (*ssh.Client, error) {
	return ssh.Dial("tcp", server.Addr("ssh"), &ssh.ClientConfig{User: user, Auth: methods, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
}

// Who gets in, and what for.
func TestLogins(t *testing.T) {
	t.Parallel()
	o, key := options(t)
	s := labtest.SSHD(t, o)
	other, _ := jumptest.Key(t)
	for _, row := range []struct {
		reason, user string
		method       ssh.AuthMethod
		in           bool
	}{
		{"the user with the key", sshd.User, ssh.PublicKeys(key), true},
		{"another key", sshd.User, ssh.PublicKeys(other), false},
		{"another user", "root", ssh.PublicKeys(key), false},
		{"a password", sshd.User, ssh.Password("pa55word"), false},
	} {
		c, err := login(s, row.user, row.method)
		if (err == nil) != row.in {
			t.Errorf("%s: %v", row.reason, err)
		}
		if err != nil {
			continue
		}
		peer := server.Start(t, nil)
		_, port, _ := strings.Cut(peer.Addr(), ":")
		for _, host := range []string{"127.0.0.1", "localhost", sshd.Inside} {
			nc, err := c.Dial("tcp", host+":"+port)
			if err != nil {
				t.Errorf("%s: %v", host, err)
				continue
			}
			greeting := make([]byte, 4)
			if _, err := io.ReadFull(nc, greeting); err != nil || string(greeting) != "220 " {
				t.Errorf("%s: %q, %v", host, greeting, err)
			}
			nc.Close()
			if want := "target " + host + " port " + port; !strings.Contains(strings.ReplaceAll(s.Log(), ",", ""), want) {
				t.Errorf("the log does not hold %q", want)
			}
		}
		c.Close()
	}
}

func TestStopLeavesNothing(t *testing.T) {
	t.Parallel()
	o, key := options(t)
	s := labtest.SSHD(t, o)
	c, err := login(s, sshd.User, ssh.PublicKeys(key)) // so that its children are at work
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n := len(s.Processes()); n < 2 {
		t.Errorf("%d processes, want those of the connection too", n)
	}
	labtest.LeavesNothing(t, s.Daemon)
}

func TestStartSaysWhy(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.Root = labtest.SSHD(t, o).Root() // skips where there can be none
	o.Settings = "NoSuchSetting x"
	_, err := sshd.Start(t.Context(), o)
	labtest.SaysWhy(t, err, "NoSuchSetting")
}
