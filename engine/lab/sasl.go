package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// saslConfiguration is Cyrus SASL's file for smtpd: passwords from a file of our own, so that
// there is no daemon and no delay. The order is that of the AUTH line in the reply to EHLO.
func (p *Postfix) saslConfiguration(o *Options) string {
	mechanisms := o.Mechanisms
	if mechanisms == nil {
		mechanisms = []string{"PLAIN", "LOGIN"}
	}
	return "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: " + p.sasldb() +
		"\nmech_list: " + strings.Join(mechanisms, " ") + "\n"
}

func (p *Postfix) sasldb() string { return p.path("etc", "sasl", "sasldb2") }

// writeUsers makes the password file anew, with just these logins.
func (p *Postfix) writeUsers(ctx context.Context, users map[string]string) error {
	if err := os.Remove(p.sasldb()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("lab: %w", err)
	}
	for _, login := range slices.Sorted(maps.Keys(users)) {
		name, realm, _ := strings.Cut(login, "@")
		add := exec.CommandContext(ctx, programPath("saslpasswd2"), "-p", "-c", "-f", p.sasldb(), "-u", realm, name)
		add.Env = environment()
		add.Stdin = strings.NewReader(users[login])
		if out, err := add.CombinedOutput(); err != nil {
			return fmt.Errorf("lab: saslpasswd2 for %s: %w: %s", login, err, out)
		}
	}
	if len(users) == 0 {
		return nil
	}
	// smtpd reads it after it has become the unprivileged user; unreadable, each AUTH would be a 454.
	if err := os.Chown(p.sasldb(), 0, p.install.gid); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if err := os.Chmod(p.sasldb(), 0o640); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return nil
}
