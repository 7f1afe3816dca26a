package dovecot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"smtplay/engine/lab"
	"smtplay/engine/lab/daemon"
	"smtplay/engine/server"
)

// Full is the user whose mailbox is full.
const Full = "full@new.example.com"

// account owns the mail. Dovecot wants one that is neither root nor its own two, and keeps nothing of it.
var account = daemon.Owner{UID: 65534, GID: 65534}

// Options say how a server differs from the one that the package comment describes.
type Options struct {
	// Mechanisms are what is offered to log in with, in this order; nil means PLAIN and LOGIN. Passwords are
	// stored as they are, so all that Dovecot knows can work.
	Mechanisms []string
	// Users are further logins ("user@domain"), each with a mailbox, and their passwords. One that has the
	// name of a usual one has another password than it; Full stays full.
	Users map[string]string
	// Certificate is the one that IMAP shows. Zero means a good one for lab.Hostname and
	// plpb.example.com, by a CA of the server's own.
	Certificate server.CertificateOptions
	// Settings are further lines of dovecot.conf, at its end, where they win.
	Settings string
}

// A Dovecot is a server that runs.
type Dovecot struct {
	*daemon.Daemon
}

// Missing lists what this machine lacks to run one: "linux", "root", "package NAME".
func Missing() []string {
	if !daemon.Supported {
		return []string{"linux"}
	}
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	for _, part := range [][2]string{{program, "dovecot-core"}, {"/usr/lib/dovecot/lmtp", "dovecot-lmtpd"}, {"/usr/lib/dovecot/imap", "dovecot-imapd"}} {
		if _, err := os.Stat(part[0]); err != nil {
			missing = append(missing, "package "+part[1])
		}
	}
	return missing
}

// program is where Debian has it.
const program = "/usr/sbin/dovecot"

// Start starts a Dovecot; when it returns, the ports answer. ctx bounds the start alone. The error is a
// *daemon.StartError with the log where Dovecot did not come up.
func Start(ctx context.Context, o Options) (*Dovecot, error) {
	for user, password := range o.Users {
		// What else a line of the password file may hold is not for a name or a password.
		if !userName.MatchString(user) || strings.ContainsAny(password, ":\r\n\x00") {
			return nil, fmt.Errorf("dovecot: %q is no plain address, or its password has a colon or a line break", user)
		}
	}
	d, err := daemon.New("dovecot")
	if err != nil {
		return nil, err
	}
	v := &Dovecot{Daemon: d}
	if err := v.begin(ctx, o); err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	return v, nil
}

// userName is an address that can be a path and a field of the password file.
var userName = regexp.MustCompile(`^[A-Za-z0-9_+-][A-Za-z0-9._+-]*@[A-Za-z0-9-][A-Za-z0-9.-]*$`)

// begin fills the folder and starts the server in it.
func (v *Dovecot) begin(ctx context.Context, o Options) error {
	if err := v.Listen("lmtp", "sasl", "imap", "imaps"); err != nil {
		return err
	}
	for _, name := range []string{"run", "state"} {
		if err := v.Mkdir(name, 0o755, daemon.Owner{}); err != nil {
			return err
		}
	}
	if err := v.Mkdir("mail", 0o700, account); err != nil {
		return err
	}
	auth, err := daemon.LookupOwner("dovecot")
	if err != nil {
		return fmt.Errorf("dovecot: %w", err)
	}
	if o.Certificate.Names == nil {
		o.Certificate.Names = []string{lab.Hostname, "plpb.example.com"}
	}
	if _, _, err := v.WriteCertificate(o.Certificate, auth); err != nil {
		return err
	}
	if err := v.Write("users", []byte(v.users(o.Users)), 0o640, daemon.Owner{GID: auth.GID}); err != nil {
		return err
	}
	if err := v.Write("dovecot.conf", []byte(v.configuration(o)), 0o644, daemon.Owner{}); err != nil {
		return err
	}
	cmd := exec.Command(program, "-F", "-c", v.Path("dovecot.conf"))
	cmd.Env = daemon.Environment()
	return v.Run(ctx, cmd)
}

// users is the password file: login, password, numbers, home, and for one a quota of a byte.
func (v *Dovecot) users(further map[string]string) string {
	all := map[string]string{lab.User: lab.Password, Full: lab.Password}
	maps.Copy(all, further)
	var text strings.Builder
	for _, user := range slices.Sorted(maps.Keys(all)) {
		extra := ""
		if user == Full {
			extra = "userdb_quota_rule=*:bytes=1"
		}
		fmt.Fprintf(&text, "%s:{PLAIN}%s:%d:%d::%s::%s\n", user, all[user], account.UID, account.GID, v.Maildir(user), extra)
	}
	return text.String()
}

// Maildir is the folder of a user's INBOX, which is there from the first delivery or login on.
func (v *Dovecot) Maildir(user string) string { return v.Path("mail", mailbox(user)) }

// mailbox is where a user's maildir lies.
func mailbox(user string) string {
	name, domain, _ := strings.Cut(user, "@")
	return domain + "/" + name
}

// configuration is the text of dovecot.conf.
func (v *Dovecot) configuration(o Options) string {
	mechanisms := o.Mechanisms
	if mechanisms == nil {
		mechanisms = []string{"PLAIN", "LOGIN"}
	}
	return strings.NewReplacer(
		"DIR", v.Dir(), "HOSTNAME", lab.Hostname, "LMTP", v.PortOf("lmtp"), "SASL", v.PortOf("sasl"),
		"IMAPS", v.PortOf("imaps"), "IMAP", v.PortOf("imap"),
		"MECHANISMS", strings.ToLower(strings.Join(mechanisms, " ")),
	).Replace(configuration) + o.Settings + "\n"
}

// configuration has no penalty for failed logins, which tests make all the time; and lmtp asks no
// proxy, offers no TLS, and says when a mailbox is full after the final dot (lmtp_rcpt_check_quota=no).
const configuration = `
base_dir = DIR/run
state_dir = DIR/state
instance_name = smtplay
log_path = DIR/dovecot.log
hostname = HOSTNAME
postmaster_address = postmaster@HOSTNAME
protocols = lmtp imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <DIR/tls/cert.pem
ssl_key = <DIR/tls/key.pem
disable_plaintext_auth = no
auth_mechanisms = MECHANISMS
auth_failure_delay = 0
first_valid_uid = 1
mail_location = maildir:~
mail_plugins = quota
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=100M
}
passdb {
  driver = passwd-file
  args = DIR/users
}
userdb {
  driver = passwd-file
  args = DIR/users
}
protocol lmtp {
  ssl = no
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = LMTP
  }
}
service imap-login {
  inet_listener imap {
    address = 127.0.0.1
    port = IMAP
    ssl = no
  }
  inet_listener imaps {
    address = 127.0.0.1
    port = IMAPS
    ssl = yes
  }
}
service auth {
  inet_listener sasl {
    address = 127.0.0.1
    port = SASL
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
`

// PostfixSettings are what main.cf needs so that Postfix asks this Dovecot who may log in.
func (v *Dovecot) PostfixSettings() map[string]string {
	return map[string]string{"smtpd_sasl_type": "dovecot", "smtpd_sasl_path": "inet:" + v.Addr("sasl")}
}

// Messages are all that were delivered so far, each before its reply, read by IMAP or not; the mailbox is "new.example.com/james".
func (v *Dovecot) Messages() ([]daemon.Letter, error) {
	return daemon.Letters(v.Path("mail"))
}
