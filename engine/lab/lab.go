package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"smtplay/engine/lab/daemon"
	"smtplay/engine/server"
)

// A Postfix is a mail server that runs. Its methods may be called from several goroutines.
type Postfix struct {
	dir     string
	ownDir  bool
	install installation
	ca      *server.Authority
	guard   *watchdog

	mu      sync.Mutex
	options Options
	users   map[string]string // the logins in the password file, nil before there is one
	shown   *Certificate      // what the certificate files were made for, nil before there are any
	ports   map[string]daemon.Port
	stopped bool
}

// Start starts a Postfix, in about a twentieth of a second; when it returns, the ports answer. ctx bounds
// the start alone: the server runs on until Stop, or until this process ends,
// however it ends.
//
// The error is a *MissingError where this machine cannot run one, a *StartError with the log where
// Postfix did not come up, and a plain error where the options contradict themselves.
func Start(ctx context.Context, o Options) (*Postfix, error) {
	if missing := Missing(); len(missing) > 0 {
		return nil, &MissingError{Parts: missing}
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	p := &Postfix{options: o.clone(), ports: map[string]daemon.Port{}}
	var err error
	if p.install, err = findInstallation(ctx); err != nil {
		return nil, err
	}
	if p.ca, err = makeCA(server.AuthorityOptions{CommonName: "smtplay lab CA"}); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if p.dir, p.ownDir, err = makeDir(o.Dir); err != nil {
		return nil, err
	}
	if masterPID(p.path("queue")) != 0 {
		return nil, fmt.Errorf("lab: a postfix runs in %s already", p.dir)
	}
	if p.guard, err = startWatchdog(p.dir, p.ownDir); err != nil {
		_ = p.remove()
		return nil, err
	}
	if err := p.begin(ctx); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// begin fills the folder and starts the server in it for the first time.
func (p *Postfix) begin(ctx context.Context) error {
	if err := p.makeTree(); err != nil {
		return err
	}
	if err := daemon.WriteFile(p.CAFile(), p.ca.PEM(), 0o644); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return p.apply(ctx, &p.options)
}

// apply writes what the options say, and starts the server, which must not be running.
func (p *Postfix) apply(ctx context.Context, o *Options) error {
	for _, l := range o.listeners() {
		if _, found := p.ports[l.Name]; found {
			continue
		}
		if l.Family == Unix {
			p.ports[l.Name] = daemon.Socket(p.path("queue", "public", l.Name))
			continue
		}
		reserve := daemon.ReservePort
		if l.Family == IPv6 {
			reserve = daemon.ReservePort6
		}
		reserved, err := reserve()
		if err != nil {
			return err
		}
		p.ports[l.Name] = reserved
	}
	if users := o.users(); p.users == nil || !maps.Equal(users, p.users) {
		if err := p.writeUsers(ctx, users); err != nil {
			return err
		}
		p.users = maps.Clone(users)
	}
	if err := p.writeConfiguration(o); err != nil {
		return err
	}
	return p.run(ctx)
}

// Reconfigure changes the server as an administrator would: edit receives a copy of its options, in
// which no map is nil and Users and Mailboxes are those that there are, and changes it;
// then the files are written and the server is restarted, in less than a tenth of a second. Ports, CA,
// queue, messages and log stay, and the certificate unless it is changed; connections that are
// open are cut. Dir and ReadOnly cannot be changed.
//
// After ErrReadOnly, or where the options contradict themselves, the server runs on as it was. After
// any other error it is down, as after a *StartError, and another Reconfigure can bring it
// back.
func (p *Postfix) Reconfigure(ctx context.Context, edit func(*Options)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return ErrStopped
	}
	if p.options.ReadOnly {
		return ErrReadOnly
	}
	next := p.options.clone()
	edit(&next)
	next.Dir, next.ReadOnly = p.options.Dir, false
	if err := next.check(); err != nil {
		return err
	}
	if err := p.halt(); err != nil {
		return err
	}
	p.options = next
	return p.apply(ctx, &p.options)
}

// Stop ends the server and all its processes and removes its folder if that was its own. It may be called
// again, and does nothing then.
func (p *Postfix) Stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return nil
	}
	if err := p.halt(); err != nil {
		return err // the watchdog stays, and tries again when this process ends
	}
	p.stopped = true
	p.guard.dismiss()
	for _, reserved := range p.ports {
		reserved.Close()
	}
	return p.remove()
}

// remove takes the folder away if it is the server's own.
func (p *Postfix) remove() error {
	if !p.ownDir {
		return nil
	}
	if err := os.RemoveAll(p.dir); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return nil
}

// Names are the names of the listeners, in alphabetical order.
func (p *Postfix) Names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for _, l := range p.options.listeners() {
		names = append(names, l.Name)
	}
	slices.Sort(names)
	return names
}

// Addr is where the listener of that name is reached, "127.0.0.1:PORT" or as its Family says. It stays the same as long as the server lives.
// It panics for a name that there is not, since that is a mistake in the caller's source.
func (p *Postfix) Addr(name string) string {
	if !slices.Contains(p.Names(), name) {
		panic(fmt.Sprintf("lab: no listener %q, there are %s", name, strings.Join(p.Names(), ", ")))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ports[name].Addr
}

// Dir is the folder that holds the server.
func (p *Postfix) Dir() string { return p.dir }

// CAFile is a PEM file with the certificate of the lab's own CA, which signs the server's
// unless [Certificate] says otherwise.
func (p *Postfix) CAFile() string { return p.path("tls", "ca.pem") }

// CertificateFile is a PEM file with the chain that the server sends, its own certificate first.
// Running processes keep what they have read when a test overwrites it.
func (p *Postfix) CertificateFile() string { return p.path("tls", "cert.pem") }

// KeyFile is a PEM file, readable by root only, with the key of the server's certificate.
func (p *Postfix) KeyFile() string { return p.path("tls", "key.pem") }

// LogFile is the file that Log reads.
func (p *Postfix) LogFile() string { return p.path(logFile) }

// Log is the mail log so far, empty once Stop has removed it. The server writes a line up to some
// milliseconds after the reply that it is about.
func (p *Postfix) Log() string {
	text, _ := os.ReadFile(p.LogFile())
	return string(text)
}
