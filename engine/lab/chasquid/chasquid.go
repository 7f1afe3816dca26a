package chasquid

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

// account is whom it runs as: the system's nobody.
var account = daemon.Owner{UID: 65534, GID: 65534}

// Options say how a server differs from the one that the package comment describes.
type Options struct {
	// Root is the folder that holds the unpacked package; empty means the system's own.
	Root string
	// Certificate is the one served. Zero means a good one for lab.Hostname and
	// plpb.example.com, by a CA of the server's own.
	Certificate server.CertificateOptions
	// Settings are further lines of chasquid.conf.
	Settings string
}

// A Chasquid is a mail server that runs.
type Chasquid struct {
	*daemon.Daemon
	options Options
}

// program is where a binary of the package lies below root.
func program(root, name string) string { return filepath.Join("/", root, "usr/bin", name) }

// Missing lists what this machine lacks to run one: "linux", "root", "package NAME".
func Missing(root string) []string {
	if !daemon.Supported {
		return []string{"linux"}
	}
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	for _, name := range []string{"chasquid", "chasquid-util"} {
		if _, err := os.Stat(program(root, name)); err != nil {
			return append(missing, "package chasquid in "+filepath.Join("/", root))
		}
	}
	return missing
}

// Start starts a chasquid; when it returns, the ports answer. ctx bounds the start alone. The error is a
// *daemon.StartError with the log where chasquid did not come up.
func Start(ctx context.Context, o Options) (*Chasquid, error) {
	d, err := daemon.New("chasquid")
	if err != nil {
		return nil, err
	}
	c := &Chasquid{Daemon: d, options: o}
	if err := c.begin(ctx); err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	return c, nil
}

// begin fills the folder and starts the server in it.
func (c *Chasquid) begin(ctx context.Context) error {
	if err := c.Listen("smtp", "submission", "submissions"); err != nil {
		return err
	}
	if err := c.makeWorld(); err != nil {
		return err
	}
	if err := c.writeCertificate(); err != nil {
		return err
	}
	if err := c.Write("chasquid.conf", []byte(c.configuration()), 0o644, daemon.Owner{}); err != nil {
		return err
	}
	if err := c.writeUser(ctx); err != nil {
		return err
	}
	cmd := exec.Command("/bin/chasquid", "-config_dir", "/")
	// Go's own resolver obeys the resolv.conf of the folder, whatever the system's modules say.
	cmd.Env = []string{"PATH=/bin", "GODEBUG=netdns=go"}
	cmd.Dir = "/"
	cmd.SysProcAttr = daemon.In(c.Dir(), account.UID, account.GID)
	return c.Run(ctx, cmd)
}

// makeWorld makes what there is beside the server: a shell and two programs that deliver, and the maildir.
func (c *Chasquid) makeWorld() error {
	if err := c.MakeWorld(); err != nil {
		return err
	}
	for _, path := range []string{program(c.options.Root, "chasquid"), "/bin/dash", "/bin/cat", "/bin/ln"} {
		if err := c.Install(path, "bin/"+filepath.Base(path)); err != nil {
			return err
		}
	}
	for _, name := range []string{"data", "log", mailbox + "/tmp", mailbox + "/new"} {
		if err := c.Mkdir(name, 0o700, account); err != nil {
			return err
		}
	}
	return nil
}

// mailbox is the maildir of lab.User.
const mailbox = "mail/new.example.com/james"

// deliver is the mail delivery agent: what is complete goes to "new" by a link, as in any maildir.
const deliver = "cat >/" + mailbox + "/tmp/$$ && ln /" + mailbox + "/tmp/$$ /" + mailbox + "/new/$$"

// configuration is the text of chasquid.conf.
func (c *Chasquid) configuration() string {
	settings := [][2]string{
		{"hostname", lab.Hostname},
		{"smtp_address", c.Addr("smtp")},
		{"submission_address", c.Addr("submission")},
		{"submission_over_tls_address", c.Addr("submissions")},
		{"mail_delivery_agent_bin", "/bin/dash"},
		{"mail_delivery_agent_args", "-c"},
		{"mail_delivery_agent_args", deliver},
		{"data_dir", "/data"},
		{"mail_log_path", "/log/mail"},
	}
	var text strings.Builder
	for _, s := range settings {
		fmt.Fprintf(&text, "%s: %q\n", s[0], s[1])
	}
	return text.String() + "max_data_size_mb: 29\n" + c.options.Settings + "\n"
}

// writeCertificate puts the certificate where chasquid looks for it: in a folder of its name.
func (c *Chasquid) writeCertificate() error {
	o := c.options.Certificate
	if o.Names == nil {
		o.Names = []string{lab.Hostname, "plpb.example.com"}
	}
	_, made, err := c.WriteCertificate(o, account)
	if err != nil {
		return err
	}
	folder := filepath.Join("certs", lab.Hostname)
	return errors.Join(
		c.Write(filepath.Join(folder, "fullchain.pem"), made.CertPEM, 0o644, daemon.Owner{}),
		c.Write(filepath.Join(folder, "privkey.pem"), made.KeyPEM, 0o640, daemon.Owner{GID: account.GID}),
	)
}

// writeUser makes the one user; the folder of its domain makes the domain a hosted one.
func (c *Chasquid) writeUser(ctx context.Context) error {
	_, domain, _ := strings.Cut(lab.User, "@")
	if err := c.Mkdir(filepath.Join("domains", domain), 0o755, daemon.Owner{}); err != nil {
		return err
	}
	add := exec.CommandContext(ctx, program(c.options.Root, "chasquid-util"), "-C="+c.Dir(), "user-add", lab.User, "--password="+lab.Password)
	add.Env = daemon.Environment()
	if said, err := add.CombinedOutput(); err != nil {
		return fmt.Errorf("chasquid: chasquid-util user-add: %w: %s", err, said)
	}
	// The server reads it as nobody.
	return os.Chmod(c.Path("domains", domain, "users"), 0o644)
}

// Root is the folder of its package, as Options has it.
func (c *Chasquid) Root() string { return c.options.Root }

// Messages are all that were delivered so far, some hundredths of a second after the reply to the final
// dot; the mailbox is "new.example.com/james".
func (c *Chasquid) Messages() ([]daemon.Letter, error) { return daemon.Letters(c.Path("mail")) }
