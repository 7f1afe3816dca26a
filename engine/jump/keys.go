package jump

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// keyFiles are the names of keys that OpenSSH looks for, in its order.
var keyFiles = []string{"id_ed25519", "id_ecdsa", "id_rsa"}

// Keys finds with what to log in: file alone where it is given, else the keys of
// the agent at the socket, and those of the folder that are not encrypted.
// skipped names the others. Neither the keys nor their text are in an error.
func Keys(socket, folder, file string) (methods []ssh.AuthMethod, skipped []string, err error) {
	if file != "" {
		key, err := readKey(file)
		if err != nil {
			return nil, nil, err
		}
		return []ssh.AuthMethod{ssh.PublicKeys(key)}, nil, nil
	}
	signers := func() ([]ssh.Signer, error) { return nil, nil }
	if socket != "" {
		signers = func() ([]ssh.Signer, error) {
			nc, err := net.Dial("unix", socket)
			if err != nil {
				return nil, nil // as for ssh: an agent that is gone has no keys
			}
			// It stays open: the keys sign through it, while the handshake lasts.
			_ = nc.SetDeadline(time.Now().Add(patience))
			all, err := agent.NewClient(nc).Signers()
			if err != nil {
				nc.Close() // nor has one that does not answer
			}
			return all, nil
		}
	}
	var own []ssh.Signer
	for _, name := range keyFiles {
		path := filepath.Join(folder, name)
		key, err := readKey(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			skipped = append(skipped, err.Error())
		default:
			own = append(own, key)
		}
	}
	// One method: SSH tries each only once.
	return []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
		all, err := signers()
		return append(all, own...), err
	})}, skipped, nil
}

func readKey(path string) (ssh.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, fmt.Errorf("%s is encrypted: give it to ssh-agent, which smtplay asks", path)
	case err != nil:
		return nil, fmt.Errorf("%s is no private key that SSH knows", path)
	}
	return key, nil
}

// KnownHosts reads files of known host keys, as OpenSSH keeps them, and says
// which algorithms a host at address has keys of. Files that are not there hold
// nothing; a host that none of them knows is refused, never believed.
func KnownHosts(address string, files ...string) (known ssh.HostKeyCallback, types []string, err error) {
	var there []string
	certified := false
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil {
			there = append(there, f)
			certified = certified || bytes.Contains(text, []byte("@cert-authority"))
		}
	}
	lookup := func(string, net.Addr, ssh.PublicKey) error { return &knownhosts.KeyError{} }
	if len(there) > 0 {
		if lookup, err = knownhosts.New(there...); err != nil {
			return nil, nil, err
		}
	}
	known = func(name string, remote net.Addr, key ssh.PublicKey) error {
		return explain(lookup(name, remote, key), name, key)
	}
	if certified {
		return known, nil, nil // a host may show a certificate, of whatever type
	}
	return known, algorithms(lookup, address), nil
}

// explain says what is wrong with a host key, and what to do.
func explain(err error, name string, key ssh.PublicKey) error {
	var wrong *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	mark := key.Type() + " " + ssh.FingerprintSHA256(key)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &revoked):
		return fmt.Errorf("the key of %s (%s) is revoked at %s:%d", name, mark, revoked.Revoked.Filename, revoked.Revoked.Line)
	case !errors.As(err, &wrong):
		return err
	case len(wrong.Want) == 0:
		return fmt.Errorf("the key of %s (%s) is in no known_hosts: log in with ssh once, and compare it there", name, mark)
	}
	w := wrong.Want[0]
	return fmt.Errorf("the key of %s (%s) is not the one at %s:%d: somebody may stand between, or the host has a new key", name, mark, w.Filename, w.Line)
}

// algorithms are those of the keys that are known of a host: asked for any, it
// might show one that nobody has seen, and be taken for another.
func algorithms(lookup ssh.HostKeyCallback, address string) []string {
	var wrong *knownhosts.KeyError
	if !errors.As(lookup(address, place(address), noKey{}), &wrong) {
		return nil
	}
	var all []string
	for _, k := range wrong.Want {
		switch t := k.Key.Type(); t {
		case ssh.KeyAlgoRSA:
			all = append(all, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		default:
			all = append(all, t)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// noKey is the key of no host, to be told those that are known.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte("none") }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }
