package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"smtplay/engine/lab/daemon"
)

// logFile is the mail log's name in the server's folder.
const logFile = "mail.log"

// installation is what the Postfix package on this machine was built with.
type installation struct {
	daemons  string // folder of master(8) and its kin
	uid, gid int    // the unprivileged owner of queue and data
	dropGID  int    // group of the folders that local submission shares
}

// findInstallation asks Postfix's built-in defaults, so /etc/postfix plays no part.
func findInstallation(ctx context.Context) (installation, error) {
	names := []string{"daemon_directory", "mail_owner", "setgid_group"}
	ask := exec.CommandContext(ctx, programPath("postconf"), append([]string{"-dh"}, names...)...)
	ask.Env = environment()
	out, err := ask.Output()
	values := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(values) != len(names) {
		return installation{}, fmt.Errorf("lab: postconf -dh %s: %q: %w", strings.Join(names, " "), out, err)
	}
	i := installation{daemons: values[0]}
	owner, err := user.Lookup(values[1])
	if err != nil {
		return i, fmt.Errorf("lab: the owner of mail: %w", err)
	}
	drop, err := user.LookupGroup(values[2])
	if err != nil {
		return i, fmt.Errorf("lab: the group of local submission: %w", err)
	}
	for _, id := range []struct {
		text string
		to   *int
	}{{owner.Uid, &i.uid}, {owner.Gid, &i.gid}, {drop.Gid, &i.dropGID}} {
		if *id.to, err = strconv.Atoi(id.text); err != nil {
			return i, fmt.Errorf("lab: numbers of %s and %s: %w", values[1], values[2], err)
		}
	}
	return i, nil
}

// environment is what Postfix's programs get: nothing of ours may turn them (MAIL_CONFIG would).
func environment() []string { return daemon.Environment() }

// makeDir finds or makes the server's folder and says whether it is ours to remove.
func makeDir(given string) (dir string, own bool, err error) {
	if given == "" {
		if dir, err = os.MkdirTemp("", "smtplay-lab-"); err != nil {
			return "", false, fmt.Errorf("lab: %w", err)
		}
		own = true
	} else {
		dir = given
		if err = os.MkdirAll(dir, 0o755); err != nil {
			return "", false, fmt.Errorf("lab: %w", err)
		}
	}
	if err = checkDir(&dir); err != nil && own {
		_ = os.Remove(dir)
	}
	return dir, own, err
}

// checkDir makes dir absolute and free of links, as the watchdog will see it, and open
// to Postfix's users; above it, it only says what is closed to them.
func checkDir(dir *string) error {
	abs, err := filepath.Abs(*dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err == nil {
		err = os.Chmod(abs, 0o755)
	}
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	*dir = abs
	if i := strings.IndexAny(abs, " \t\r\n$,{}:=#"); i >= 0 {
		return fmt.Errorf("lab: the path %q has a %q, which means something else in main.cf", abs, abs[i])
	}
	for up := filepath.Dir(abs); ; up = filepath.Dir(up) {
		info, err := os.Stat(up)
		if err != nil {
			return fmt.Errorf("lab: %w", err)
		}
		if info.Mode()&0o001 == 0 {
			return fmt.Errorf("lab: postfix's users cannot enter %s (mode %v)", up, info.Mode().Perm())
		}
		if up == filepath.Dir(up) {
			return nil
		}
	}
}

// makeTree makes the folders below dir with the owners that Postfix insists on. With them
// in place a start can leave out Postfix's own check, which takes most of a second.
func (p *Postfix) makeTree() error {
	type folder struct {
		name     string
		uid, gid int
		mode     os.FileMode
	}
	owner, group := p.install.uid, p.install.gid
	folders := []folder{
		{"etc", 0, 0, 0o755},
		{"etc/sasl", 0, group, 0o750},
		{"tls", 0, 0, 0o755},
		{"data", owner, group, 0o700},
		{"mail", owner, group, 0o700},
		{"queue", 0, 0, 0o755},
		{"queue/pid", 0, 0, 0o755},
		{"queue/maildrop", owner, p.install.dropGID, os.ModeSticky | 0o730},
		{"queue/public", owner, p.install.dropGID, os.ModeSetgid | 0o710},
	}
	for _, name := range strings.Fields("active bounce corrupt defer deferred flush hold incoming private saved trace") {
		folders = append(folders, folder{"queue/" + name, owner, 0, 0o700})
	}
	for _, f := range folders {
		path := p.path(filepath.FromSlash(f.name))
		if err := os.MkdirAll(path, 0o755); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
		// In this order: a change of owner takes the setgid bit away.
		if err := os.Chown(path, f.uid, f.gid); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
		if err := os.Chmod(path, f.mode); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	return nil
}
