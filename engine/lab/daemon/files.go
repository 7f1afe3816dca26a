package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"smtplay/engine/server"
)

// An Owner is the user and the group that a file is given to. The zero value is root.
type Owner struct{ UID, GID int }

// LookupOwner is the system user of that name with its own group.
func LookupOwner(name string) (Owner, error) {
	found, err := user.Lookup(name)
	if err != nil {
		return Owner{}, err
	}
	var o Owner
	if o.UID, err = strconv.Atoi(found.Uid); err != nil {
		return Owner{}, err
	}
	o.GID, err = strconv.Atoi(found.Gid)
	return o, err
}

// WriteFile writes a file that has exactly this mode, whatever the umask.
func WriteFile(path string, content []byte, mode os.FileMode) error {
	if err := os.WriteFile(path, content, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// Write writes a file of the folder, with the folders above it.
func (d *Daemon) Write(name string, content []byte, mode os.FileMode, owner Owner) error {
	path := d.Path(name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = WriteFile(path, content, mode)
	}
	if err == nil {
		err = os.Chown(path, owner.UID, owner.GID)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	return nil
}

// Mkdir makes a folder in the folder.
func (d *Daemon) Mkdir(name string, mode os.FileMode, owner Owner) error {
	path := d.Path(name)
	err := os.MkdirAll(path, 0o755)
	if err == nil {
		err = os.Chown(path, owner.UID, owner.GID)
	}
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	return nil
}

// The files of [Daemon.WriteCertificate].
const (
	caFile          = "tls/ca.pem"
	certificateFile = "tls/cert.pem"
	keyFile         = "tls/key.pem"
)

// WriteCertificate makes a certificate and its CA and writes both, and the key in reach of owner's group.
// Where the options name no issuer it is a CA of the server's own.
func (d *Daemon) WriteCertificate(o server.CertificateOptions, owner Owner) (*server.Authority, *server.Certificate, error) {
	if o.Issuer == nil {
		ca, err := server.MakeCA(server.AuthorityOptions{
			CommonName: "smtplay lab CA", NotBefore: time.Now().AddDate(-5, 0, 0), NotAfter: time.Now().AddDate(5, 0, 0),
		})
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", d.name, err)
		}
		o.Issuer = ca
	}
	made, err := server.MakeCertificate(o)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", d.name, err)
	}
	return o.Issuer, made, errors.Join(
		d.Write(caFile, made.RootPEM, 0o644, Owner{}),
		d.Write(certificateFile, made.CertPEM, 0o644, Owner{}),
		d.Write(keyFile, made.KeyPEM, 0o640, Owner{GID: owner.GID}),
	)
}

// CAFile is a PEM file with the certificate of the CA that a client has to trust.
func (d *Daemon) CAFile() string { return d.Path(caFile) }

// CertificateFile is a PEM file with the chain that the server sends, its own certificate first.
func (d *Daemon) CertificateFile() string { return d.Path(certificateFile) }

// KeyFile is a PEM file with the key of the server's certificate.
func (d *Daemon) KeyFile() string { return d.Path(keyFile) }

// A Letter is a message in a maildir.
type Letter struct {
	Mailbox string // the maildir's path below the folder of all of them, with slashes
	Data    []byte
	When    time.Time // it was delivered
}

// Letters are the complete messages of all maildirs below root, seen by a reader or not, in no order.
func Letters(root string) ([]Letter, error) {
	var letters []Letter
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // moved on between listing and looking
		}
		// What is complete lies in "new", and in "cur" once a reader has seen it.
		parent := filepath.Base(filepath.Dir(path))
		if err != nil || entry.IsDir() || parent != "new" && parent != "cur" {
			return err
		}
		data, err := os.ReadFile(path)
		var info fs.FileInfo
		if err == nil {
			info, err = entry.Info()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // from "new" to "cur", most likely: the next look finds it there
		}
		if err != nil {
			return err
		}
		mailbox, err := filepath.Rel(root, filepath.Dir(filepath.Dir(path)))
		if err != nil {
			return err
		}
		letters = append(letters, Letter{Mailbox: filepath.ToSlash(mailbox), Data: data, When: info.ModTime()})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the mailboxes: %w", err)
	}
	return letters, nil
}
