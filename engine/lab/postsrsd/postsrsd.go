package postsrsd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"smtplay/engine/lab/daemon"
)

// Domain is that of the rewritten senders unless [Options] say otherwise: that of lab.User.
const Domain = "new.example.com"

// Options say how a server differs from the one that the package comment describes.
type Options struct {
	// Root is the folder that holds the unpacked package; empty means the system's own.
	Root string
	// Domain is that of the rewritten senders; empty means Domain.
	Domain string
	// Exclude are further domains whose senders are not rewritten.
	Exclude []string
	// Secret is what the hashes are made with, a line; empty means one that is the same each time.
	Secret string
}

// A PostSRSd is a server that runs.
type PostSRSd struct {
	*daemon.Daemon
}

// program is where the binary lies below root.
func program(root string) string { return filepath.Join("/", root, "usr/sbin/postsrsd") }

// Missing lists what this machine lacks to run one: "linux", "root", "package NAME".
func Missing(root string) []string {
	if !daemon.Supported {
		return []string{"linux"}
	}
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	if _, err := os.Stat(program(root)); err != nil {
		missing = append(missing, "package postsrsd in "+filepath.Join("/", root))
	}
	return missing
}

var (
	domainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)
	secretLine = regexp.MustCompile(`^[!-~]+$`)
)

// Start starts a PostSRSd; when it returns, the ports answer. ctx bounds the start alone. The error is a
// *daemon.StartError with what it printed where it did not come up.
func Start(ctx context.Context, o Options) (*PostSRSd, error) {
	if o.Domain == "" {
		o.Domain = Domain
	}
	if o.Secret == "" {
		o.Secret = "known-to-all-tests"
	}
	for _, domain := range append([]string{o.Domain}, o.Exclude...) {
		if !domainName.MatchString(domain) {
			return nil, fmt.Errorf("postsrsd: %q is no domain", domain)
		}
	}
	if !secretLine.MatchString(o.Secret) {
		return nil, errors.New("postsrsd: the secret is no line of plain characters")
	}
	d, err := daemon.New("postsrsd")
	if err != nil {
		return nil, err
	}
	p := &PostSRSd{Daemon: d}
	if err := p.begin(ctx, o); err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	return p, nil
}

// begin fills the folder and starts the server in it.
func (p *PostSRSd) begin(ctx context.Context, o Options) error {
	if err := p.Listen("forward", "reverse"); err != nil {
		return err
	}
	if err := p.Write("secret", []byte(o.Secret+"\n"), 0o600, daemon.Owner{}); err != nil {
		return err
	}
	args := []string{
		"-4", "-l127.0.0.1", "-f" + p.PortOf("forward"), "-r" + p.PortOf("reverse"),
		"-d" + o.Domain, "-s" + p.Path("secret"), "-c" + p.Dir(), "-unobody",
	}
	for _, domain := range o.Exclude {
		args = append(args, "-X"+domain)
	}
	cmd := exec.Command(program(o.Root), args...)
	cmd.Env = daemon.Environment()
	return p.Run(ctx, cmd)
}

// PostfixSettings are what main.cf needs so that Postfix rewrites senders by this PostSRSd, and recipients back.
func (p *PostSRSd) PostfixSettings() map[string]string {
	return map[string]string{
		"sender_canonical_maps":       "tcp:" + p.Addr("forward"),
		"sender_canonical_classes":    "envelope_sender",
		"recipient_canonical_maps":    "tcp:" + p.Addr("reverse"),
		"recipient_canonical_classes": "envelope_recipient, header_recipient",
	}
}
