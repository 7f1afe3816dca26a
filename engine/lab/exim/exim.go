package exim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"smtplay/engine/lab"
	"smtplay/engine/lab/daemon"
	"smtplay/engine/server"
)

// Account is the user that Debian's Exim becomes, by a name that is compiled in.
const Account = "Debian-exim"

// Full is the mailbox that refuses each message by PRDR.
const Full = "full@new.example.com"

// The mailboxes for what is not hosted.
const (
	// Sink has what was relayed.
	Sink = "sink"
	// Local has what came for the server's own name.
	Local = "local"
)

// Options say how a server differs from the one that the package comment describes.
type Options struct {
	// Root is the folder that holds the unpacked package; empty means the system's own.
	Root string
	// Main holds main configuration settings by name, in the place of ours or beside them.
	Main map[string]string
	// Certificate is the one served. Zero means a good one for lab.Hostname and
	// plpb.example.com, by a CA of the server's own.
	Certificate server.CertificateOptions
	// Staple is the OCSP response that is sent with it; nil means none.
	Staple *server.StapleOptions
}

// An Exim is a mail server that runs.
type Exim struct {
	*daemon.Daemon
	options Options
	program string
	account daemon.Owner
	stapled bool
}

// program is where the binary lies below root.
func program(root string) string { return filepath.Join("/", root, "usr/sbin/exim4") }

// Missing lists what this machine lacks to run one: "linux", "root", "user Debian-exim", "package NAME".
func Missing(root string) []string {
	if !daemon.Supported {
		return []string{"linux"}
	}
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	if _, err := daemon.LookupOwner(Account); err != nil {
		missing = append(missing, "user "+Account)
	}
	ask := exec.Command(program(root), "-C", os.DevNull, "-bV")
	ask.Env = daemon.Environment()
	if said, err := ask.CombinedOutput(); errors.Is(err, os.ErrNotExist) {
		missing = append(missing, "package exim4-daemon-heavy in "+filepath.Join("/", root))
	} else if library := absent.FindSubmatch(said); library != nil {
		missing = append(missing, "library "+string(library[1]))
	} else if err == nil && !strings.Contains(string(said), " OCSP ") {
		missing = append(missing, "package exim4-daemon-heavy (this exim4 is another)")
	}
	return missing
}

// absent is how the loader names a shared library that is not there.
var absent = regexp.MustCompile(`shared libraries: ([^:]+):`)

// Start starts an Exim; when it returns, the ports answer. ctx bounds the start alone. The error is a
// *daemon.StartError with the log where Exim did not come up.
func Start(ctx context.Context, o Options) (*Exim, error) {
	account, err := daemon.LookupOwner(Account)
	if err != nil {
		return nil, fmt.Errorf("exim: %w", err)
	}
	d, err := daemon.New("exim")
	if err != nil {
		return nil, err
	}
	e := &Exim{Daemon: d, options: o, program: program(o.Root), account: account}
	if err := e.begin(ctx); err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	return e, nil
}

// begin fills the folder and starts the server in it.
func (e *Exim) begin(ctx context.Context) error {
	if err := e.Listen("smtp", "local", "submission", "submissions", "proxy"); err != nil {
		return err
	}
	for _, name := range []string{"spool", "mail", "log"} {
		if err := e.Mkdir(name, 0o750, e.account); err != nil {
			return err
		}
	}
	if err := e.writeCertificate(); err != nil {
		return err
	}
	configuration := e.configuration()
	// Exim obeys no configuration that others than root could have written.
	if err := e.Write("exim.conf", []byte(configuration), 0o644, daemon.Owner{}); err != nil {
		return err
	}
	cmd := exec.Command(e.program, "-C", e.Path("exim.conf"), "-bdf")
	cmd.Env = daemon.Environment()
	return e.Run(ctx, cmd)
}

func (e *Exim) writeCertificate() error {
	o := e.options.Certificate
	if o.Names == nil {
		o.Names = []string{lab.Hostname, "plpb.example.com"}
	}
	ca, made, err := e.WriteCertificate(o, e.account)
	if err != nil || e.options.Staple == nil {
		return err
	}
	response, err := ca.Staple(made, *e.options.Staple)
	if err != nil {
		return fmt.Errorf("exim: %w", err)
	}
	e.stapled = true
	return e.Write("tls/staple.der", response, 0o644, daemon.Owner{})
}

// Root is the folder of its package, as Options has it.
func (e *Exim) Root() string { return e.options.Root }

// Messages are all that were delivered so far: one for each recipient, some hundredths of a second after
// the reply to the final dot. The mailbox is Sink, Local or "new.example.com/james".
func (e *Exim) Messages() ([]daemon.Letter, error) { return daemon.Letters(e.Path("mail")) }
