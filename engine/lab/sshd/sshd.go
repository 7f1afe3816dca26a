package sshd

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"smtplay/engine/lab/daemon"
)

const (
	// User may log in.
	User = "admin"
	// Inside is a name that only the server resolves, to its loopback.
	Inside = "inside.example"
)

// Options say who gets in, and how a server differs from the one that the package comment describes.
type Options struct {
	// Root is the folder that holds the unpacked package; empty means the system's own.
	Root string
	// HostKey is the server's private key, in PEM or as ssh-keygen writes it.
	HostKey []byte
	// AuthorizedKeys are the lines of User's authorized_keys, with their options.
	AuthorizedKeys []byte
	// Settings are further lines at the begin of sshd_config, where they win.
	Settings string
}

// An SSHD is a server that runs.
type SSHD struct {
	*daemon.Daemon
	options Options
}

const (
	// program must be started by its whole path, as it starts itself for each connection.
	program = "usr/sbin/sshd"
	// splitUp is a part of its own since OpenSSH 9.8, which is another to set up.
	splitUp = "usr/lib/openssh/sshd-session"
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
	_, err := os.Stat(filepath.Join("/", root, program))
	if _, later := os.Stat(filepath.Join("/", root, splitUp)); err != nil || later == nil {
		missing = append(missing, "package openssh-server, before version 9.8, in "+filepath.Join("/", root))
	}
	return missing
}

// Start starts a server; when it returns, its port answers. ctx bounds the start alone. The error is a
// *daemon.StartError with the log where sshd did not come up.
func Start(ctx context.Context, o Options) (*SSHD, error) {
	d, err := daemon.New("sshd")
	if err != nil {
		return nil, err
	}
	s := &SSHD{Daemon: d, options: o}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	return s, nil
}

// begin fills the folder and starts the server in it.
func (s *SSHD) begin(ctx context.Context) error {
	if err := s.Listen("ssh"); err != nil {
		return err
	}
	if err := s.makeWorld(); err != nil {
		return err
	}
	cmd := exec.Command("/"+program, "-D", "-e", "-f", "/etc/ssh/sshd_config")
	cmd.Env = daemon.Environment()
	cmd.Dir = "/"
	// sshd goes to the root of what it sees, so only there is it found again.
	cmd.SysProcAttr = daemon.In(s.Dir(), 0, 0)
	return s.Run(ctx, cmd)
}

// The users of the server's world. What has not logged in yet is talked to as sshd. A password that no
// hash equals is none, but not that of an account that is locked; the shell has to be there.
const (
	passwd = `root:*:0:0::/:/bin/false
sshd:*:64001:64001::/run/sshd:/bin/false
` + User + `:*:64002:64002::/:/bin/false
`
	group = "root:x:0:\nsshd:x:64001:\n" + User + ":x:64002:\n"
	hosts = "127.0.0.1 localhost " + Inside + "\n"
)

// makeWorld makes what there is beside the server, and what it reads.
func (s *SSHD) makeWorld() error {
	if err := s.MakeWorld(); err != nil {
		return err
	}
	root := daemon.Owner{}
	return errors.Join(
		s.Install(filepath.Join("/", s.options.Root, program), program),
		s.Install("/bin/false", "bin/false"),
		s.Write("etc/passwd", []byte(passwd), 0o644, root),
		s.Write("etc/group", []byte(group), 0o644, root),
		s.Write("etc/hosts", []byte(hosts), 0o644, root),
		s.Write("etc/nsswitch.conf", []byte("passwd: files\ngroup: files\nhosts: files\n"), 0o644, root),
		s.Mkdir("run/sshd", 0o755, root),
		s.Write("etc/ssh/host_key", s.options.HostKey, 0o600, root),
		s.Write("etc/ssh/authorized_keys", s.options.AuthorizedKeys, 0o644, root),
		s.Write("etc/ssh/sshd_config", []byte(s.configuration()), 0o644, root),
	)
}

// configuration is the text of sshd_config, of whose settings the first counts. The log names each
// connection that is asked for.
func (s *SSHD) configuration() string {
	return s.options.Settings + "\n" + strings.ReplaceAll(`
ListenAddress 127.0.0.1:PORT
HostKey /etc/ssh/host_key
PidFile none
LogLevel DEBUG1
UsePAM no
UseDNS no
StrictModes no
AuthenticationMethods publickey
AuthorizedKeysFile /etc/ssh/authorized_keys
AllowUsers `+User+`
PermitTTY no
X11Forwarding no
AllowAgentForwarding no
AllowTcpForwarding local
AllowStreamLocalForwarding local
MaxStartups 100
`, "PORT", s.PortOf("ssh"))
}

// Root is the folder of its package, as Options has it.
func (s *SSHD) Root() string { return s.options.Root }
