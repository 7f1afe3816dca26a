package opensmtpd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"smtplay/engine/lab"
	"smtplay/engine/lab/daemon"
	"smtplay/engine/server"
)

// Sink is the mailbox that has what was relayed.
const Sink = "sink"

// account owns the mail, and is a user of the server's world alone.
var account = daemon.Owner{UID: 64003, GID: 64003}

// Options say how a server differs from the one that the package comment describes.
type Options struct {
	// Root is the folder that holds the unpacked package; empty means the system's own.
	Root string
	// Certificate is the one served. Zero means a good one for lab.Hostname and
	// plpb.example.com, by a CA of the server's own.
	Certificate server.CertificateOptions
	// Settings are further lines at the begin of smtpd.conf.
	Settings string
}

// An OpenSMTPD is a mail server that runs.
type OpenSMTPD struct {
	*daemon.Daemon
	options Options
}

// The programs of the package, where it was compiled to find them.
const (
	smtpd    = "usr/sbin/smtpd"
	deliver  = "usr/libexec/opensmtpd/mail.maildir"
	makeHash = "usr/libexec/opensmtpd/encrypt"
)

// Missing lists what this machine lacks to run one: "linux", "root", "package NAME".
func Missing(root string) []string {
	if !daemon.Supported {
		return []string{"linux"}
	}
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	for _, name := range []string{smtpd, deliver, makeHash} {
		if _, err := os.Stat(filepath.Join("/", root, name)); err != nil {
			return append(missing, "package opensmtpd in "+filepath.Join("/", root))
		}
	}
	return missing
}

// Start starts an OpenSMTPD; when it returns, the ports answer. ctx bounds the start alone. The error is
// a *daemon.StartError with the log where OpenSMTPD did not come up.
func Start(ctx context.Context, o Options) (*OpenSMTPD, error) {
	d, err := daemon.New("opensmtpd")
	if err != nil {
		return nil, err
	}
	s := &OpenSMTPD{Daemon: d, options: o}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	return s, nil
}

// begin fills the folder and starts the server in it.
func (s *OpenSMTPD) begin(ctx context.Context) error {
	if err := s.Listen("smtp", "local", "submission", "submissions"); err != nil {
		return err
	}
	if err := s.makeWorld(); err != nil {
		return err
	}
	o := s.options.Certificate
	if o.Names == nil {
		o.Names = []string{lab.Hostname, "plpb.example.com"}
	}
	_, made, err := s.WriteCertificate(o, daemon.Owner{})
	if err != nil {
		return err
	}
	// It reads whom it would trust as a client, or does not start.
	if err := s.Write("etc/ssl/certs/ca-certificates.crt", made.RootPEM, 0o644, daemon.Owner{}); err != nil {
		return err
	}
	// It wants the key for itself.
	if err := os.Chmod(s.KeyFile(), 0o600); err != nil {
		return fmt.Errorf("opensmtpd: %w", err)
	}
	hash, err := s.hash(ctx)
	if err != nil {
		return err
	}
	if err := s.Write("etc/smtpd.conf", []byte(s.configuration(hash)), 0o644, daemon.Owner{}); err != nil {
		return err
	}
	cmd := exec.Command("/"+smtpd, "-d")
	cmd.Env = daemon.Environment()
	cmd.Dir = "/"
	cmd.SysProcAttr = daemon.In(s.Dir(), 0, 0)
	return s.Run(ctx, cmd)
}

// The users of the server's world. It becomes opensmtpd and opensmtpq by name, and delivers as vmail.
const (
	passwd = `root:x:0:0::/:/bin/sh
opensmtpd:x:64001:64001::/var/lib/opensmtpd/empty:/bin/false
opensmtpq:x:64002:64002::/var/lib/opensmtpd/empty:/bin/false
vmail:x:64003:64003::/mail:/bin/sh
`
	group = "root:x:0:\nopensmtpd:x:64001:\nopensmtpq:x:64002:\nvmail:x:64003:\n"
)

// makeWorld makes what there is beside the server.
func (s *OpenSMTPD) makeWorld() error {
	if err := s.MakeWorld(); err != nil {
		return err
	}
	for _, name := range []string{smtpd, deliver} {
		if err := s.Install(filepath.Join("/", s.options.Root, name), name); err != nil {
			return err
		}
	}
	root := daemon.Owner{}
	return errors.Join(
		s.Install("/bin/dash", "bin/sh"), // starts what delivers
		s.Write("etc/passwd", []byte(passwd), 0o644, root),
		s.Write("etc/group", []byte(group), 0o644, root),
		s.Mkdir("var/lib/opensmtpd/empty", 0o755, root),
		s.Mkdir("var/spool/smtpd", 0o711, root),
		s.Mkdir("var/run", 0o755, root),
		s.Mkdir("tmp", os.ModeSticky|0o777, root),
		s.Mkdir("mail/new.example.com", 0o755, account),
		s.Mkdir("mail", 0o755, account),
	)
}

// hash is that of lab.Password, as the server compares it.
func (s *OpenSMTPD) hash(ctx context.Context) (string, error) {
	ask := exec.CommandContext(ctx, filepath.Join("/", s.options.Root, makeHash), lab.Password)
	ask.Env = daemon.Environment()
	out, err := ask.Output()
	if err != nil {
		return "", fmt.Errorf("opensmtpd: encrypt: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// configuration is the text of smtpd.conf. Where nothing matches, it refuses.
func (s *OpenSMTPD) configuration(hash string) string {
	return s.options.Settings + "\n" + strings.NewReplacer(
		"HOSTNAME", lab.Hostname, "USER", lab.User, "HASH", hash, "SUBMISSIONS", s.PortOf("submissions"),
		"SUBMISSION", s.PortOf("submission"), "LOCAL", s.PortOf("local"), "SMTP", s.PortOf("smtp"),
	).Replace(`
pki lab cert "/tls/cert.pem"
pki lab key "/tls/key.pem"
smtp max-message-size 30720000
table logins { "USER" = "HASH" }
table hosted { "USER" = vmail }
table anyone { "@" = vmail }
listen on 127.0.0.1 port SMTP hostname HOSTNAME tls pki lab auth-optional <logins>
listen on 127.0.0.1 port LOCAL hostname HOSTNAME tls pki lab tag trusted
listen on 127.0.0.1 port SUBMISSION hostname HOSTNAME tls-require pki lab auth <logins>
listen on 127.0.0.1 port SUBMISSIONS hostname HOSTNAME smtps pki lab auth <logins>
action hosted maildir "/mail/new.example.com/james" virtual <hosted>
action sink maildir "/mail/sink" virtual <anyone>
match from any for domain "new.example.com" action hosted
match from any tag trusted for any action sink
match from any auth for any action sink
`)
}

// Root is the folder of its package, as Options has it.
func (s *OpenSMTPD) Root() string { return s.options.Root }

// Messages are all that were delivered so far, up to a second after the reply to the final dot: one for
// each recipient. The mailbox is Sink or "new.example.com/james".
func (s *OpenSMTPD) Messages() ([]daemon.Letter, error) { return daemon.Letters(s.Path("mail")) }
