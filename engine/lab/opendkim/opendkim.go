package opendkim

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"smtplay/engine/lab/daemon"
)

// What is signed for unless [Options] say otherwise.
const (
	Domain   = "new.example.com" // that of lab.User
	Selector = "lab"
)

// keyBits is the length that RFC 8301 section 3.2 recommends.
const keyBits = 2048

// account is who reads the key and signs.
var account = daemon.Owner{UID: 65534, GID: 65534}

// Options say how a server differs from the one that the package comment describes.
type Options struct {
	// Root is the folder that holds the unpacked package; empty means the system's own.
	Root string
	// Domain and Selector are the d= and s= of the signatures; empty they are Domain and Selector.
	Domain, Selector string
	// Settings are further lines of opendkim.conf, at its end, where they win.
	Settings string
}

// An OpenDKIM is a server that runs.
type OpenDKIM struct {
	*daemon.Daemon
	root             string
	domain, selector string
	public           string // the key, in base64
}

// program is where the binary lies below root.
func program(root string) string { return filepath.Join("/", root, "usr/sbin/opendkim") }

// absent is how the loader names a shared library that is not there.
var absent = regexp.MustCompile(`shared libraries: ([^:]+):`)

// Missing lists what this machine lacks to run one: "linux", "root", "package NAME", "library NAME".
func Missing(root string) []string {
	if !daemon.Supported {
		return []string{"linux"}
	}
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	ask := exec.Command(program(root), "-V")
	ask.Env = daemon.Environment()
	if said, err := ask.CombinedOutput(); errors.Is(err, os.ErrNotExist) {
		missing = append(missing, "package opendkim in "+filepath.Join("/", root))
	} else if library := absent.FindSubmatch(said); library != nil {
		missing = append(missing, "library "+string(library[1]))
	}
	return missing
}

var domainName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

// Start starts an OpenDKIM; when it returns, its port answers. ctx bounds the start alone. The error is a
// *daemon.StartError with what it printed where it did not come up.
func Start(ctx context.Context, o Options) (*OpenDKIM, error) {
	if o.Domain == "" {
		o.Domain = Domain
	}
	if o.Selector == "" {
		o.Selector = Selector
	}
	for _, name := range []string{o.Domain, o.Selector} {
		if !domainName.MatchString(name) {
			return nil, fmt.Errorf("opendkim: %q is no domain", name)
		}
	}
	d, err := daemon.New("opendkim")
	if err != nil {
		return nil, err
	}
	s := &OpenDKIM{Daemon: d, root: o.Root, domain: o.Domain, selector: o.Selector}
	if err := s.begin(ctx, o); err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	return s, nil
}

// begin fills the folder and starts the server in it.
func (s *OpenDKIM) begin(ctx context.Context, o Options) error {
	if err := s.Listen("milter"); err != nil {
		return err
	}
	if err := s.writeKey(); err != nil {
		return err
	}
	keys := fmt.Sprintf("lab %s:%s:%s\n", s.domain, s.selector, s.Path("key.pem"))
	err := errors.Join(
		s.Write("keys", []byte(keys), 0o644, daemon.Owner{}),
		s.Write("signing", []byte("* lab\n"), 0o644, daemon.Owner{}),
		s.Write("opendkim.conf", []byte(s.configuration(o)), 0o644, daemon.Owner{}),
	)
	if err != nil {
		return err
	}
	cmd := exec.Command(program(o.Root), "-f", "-x", s.Path("opendkim.conf"))
	cmd.Env = daemon.Environment()
	return s.Run(ctx, cmd)
}

// writeKey makes the key.
func (s *OpenDKIM) writeKey() error {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return fmt.Errorf("opendkim: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return fmt.Errorf("opendkim: %w", err)
	}
	s.public = base64.StdEncoding.EncodeToString(public)
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return s.Write("key.pem", private, 0o600, account)
}

// configuration is the text of opendkim.conf. The folder that holds the key's own lies in /tmp, where others may write,
// and that alone makes no key safe for RequireSafeKeys.
func (s *OpenDKIM) configuration(o Options) string {
	return strings.NewReplacer("DIR", s.Dir(), "PORT", s.PortOf("milter")).Replace(`
Socket inet:PORT@127.0.0.1
UserID nobody
Syslog no
Mode s
InternalHosts 0.0.0.0/0
KeyTable DIR/keys
SigningTable refile:DIR/signing
Canonicalization relaxed/relaxed
OversignHeaders From
RequireSafeKeys no
`) + o.Settings + "\n"
}

// PostfixSettings are what main.cf needs so that this OpenDKIM signs what Postfix takes. What cannot be signed is not
// taken, with a 451.
func (s *OpenDKIM) PostfixSettings() map[string]string {
	return map[string]string{
		"smtpd_milters":         "inet:" + s.Addr("milter"),
		"non_smtpd_milters":     "inet:" + s.Addr("milter"),
		"milter_default_action": "tempfail",
	}
}

// stringBytes is how long one string of a TXT record is at most (RFC 1035 section 3.3).
const stringBytes = 255

// Record is the TXT record of the public key (RFC 6376 section 3.6.2), as zone files write it.
func (s *OpenDKIM) Record() string {
	text := "v=DKIM1; k=rsa; p=" + s.public
	record := s.selector + "._domainkey." + s.domain + ". 300 IN TXT"
	for len(text) > 0 {
		n := min(len(text), stringBytes)
		record += ` "` + text[:n] + `"`
		text = text[n:]
	}
	return record
}

// Root is the folder of its package, as Options has it.
func (s *OpenDKIM) Root() string { return s.root }
