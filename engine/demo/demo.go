package demo

import (
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"smtplay/engine/server"
)

// The site that the server plays.
const (
	hostName     = "maila.example.com"
	hostedDomain = "new.example.com"
	userName     = "james@new.example.com"
	userPassword = "yourpassword"
)

// hostedUsers are the mailboxes of the hosted domain, in lower case.
var hostedUsers = []string{"james", "postmaster"}

// Limits, so that whoever finds the port cannot exhaust the program.
const (
	maxMessage    = 30720000        // octets, as SIZE says
	maxLine       = 32000           // octets, many times what RFC 5321 section 4.5.3.1.6 asks for
	maxRecipients = 100             // RFC 5321 section 4.5.3.1.8 asks for that many
	maxKept       = 32              // messages
	maxConns      = 256             // at once, all targets together
	idleTimeout   = 5 * time.Minute // RFC 5321 section 4.5.3.2.7
	writeTimeout  = time.Minute
)

// Demo is a running server. Its methods may be called from any goroutine.
type Demo struct {
	targets     map[string]string
	certificate *server.Certificate
	listeners   []net.Listener
	wg          sync.WaitGroup
	stop        func() bool // ends the watch over the context

	closing sync.Once
	done    chan struct{} // closed when closing begins

	mu    sync.Mutex
	conns map[net.Conn]struct{} // as accepted, by which Close ends them
	count int
	kept  []Message
}

// Message is what the server keeps of a mail it accepted.
type Message struct {
	ID     string   // the queue ID of its reply
	Target string   // the target it came through
	User   string   // who had logged in, "" for nobody
	From   string   // reverse-path, without brackets
	To     []string // recipients, without brackets
	Size   int64    // octets, dot-stuffing removed
}

// Start starts the server. It is closed by Close, or when ctx is done. It fails
// when ctx is done already or when no port can be had.
func Start(ctx context.Context) (*Demo, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start demo server: %w", context.Cause(ctx))
	}
	certificate, err := server.MakeCertificate(server.CertificateOptions{Names: []string{hostName}})
	if err != nil {
		return nil, fmt.Errorf("start demo server: %w", err)
	}
	d := &Demo{
		targets:     make(map[string]string),
		certificate: certificate,
		done:        make(chan struct{}),
		conns:       make(map[net.Conn]struct{}),
	}
	for _, r := range allRules {
		if err := d.open(r); err != nil {
			d.Close()
			return nil, fmt.Errorf("start demo server: %w", err)
		}
	}
	d.stop = context.AfterFunc(ctx, d.shut)
	return d, nil
}

// open listens for one target.
func (d *Demo) open(r rules) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	secure := d.newDesk(r, true)
	first := secure
	if !r.tlsFirst {
		first = d.newDesk(r, false)
		first.secure = secure
	}
	d.listeners = append(d.listeners, listener)
	d.targets[r.target] = listener.Addr().String()
	d.wg.Go(func() { d.accept(listener, first) })
	return nil
}

// accept hands connections to the desk until the listener is closed.
func (d *Demo) accept(listener net.Listener, first *desk) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		if d.admit(conn) {
			first.take(conn, false)
		}
	}
}

// admit counts a connection in, or closes it.
func (d *Demo) admit(conn net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.done:
		conn.Close()
		return false
	default:
	}
	if len(d.conns) >= maxConns {
		conn.Close()
		return false
	}
	d.conns[conn] = struct{}{}
	return true
}

// release counts a connection out and closes it.
func (d *Demo) release(conn net.Conn) error {
	d.mu.Lock()
	delete(d.conns, conn)
	d.mu.Unlock()
	return conn.Close()
}

// Targets returns the addresses, "127.0.0.1:PORT", by target: smtp, local,
// submission, submissions.
func (d *Demo) Targets() map[string]string { return maps.Clone(d.targets) }

// TLSName returns the host name that the server's certificate is for.
func (d *Demo) TLSName() string { return hostName }

// CA returns a new pool that trusts the server's certificate.
func (d *Demo) CA() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(d.certificate.TLS.Leaf)
	return pool
}

// CAPEM returns the same certificate as PEM.
func (d *Demo) CAPEM() []byte { return slices.Clone(d.certificate.RootPEM) }

// User returns the name of the one user who can log in.
func (d *Demo) User() string { return userName }

// Password returns the user's password.
func (d *Demo) Password() string { return userPassword }

// Secrets returns the secrets that scripts ask for, by name: "password".
func (d *Demo) Secrets() map[string]string {
	return map[string]string{"password": userPassword}
}

// Hosted returns the mailboxes that exist here, as addresses.
func (d *Demo) Hosted() []string {
	var addresses []string
	for _, user := range hostedUsers {
		addresses = append(addresses, user+"@"+hostedDomain)
	}
	return addresses
}

// Count returns how many messages were accepted.
func (d *Demo) Count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}

// Messages returns the latest messages accepted, at most 32, the oldest first.
func (d *Demo) Messages() []Message {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.kept)
}

// keep counts a message and returns its queue ID.
func (d *Demo) keep(m Message) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	// Ten digits beginning with the time, as queue IDs of real servers look.
	m.ID = fmt.Sprintf("%05X%05X", time.Now().Unix()&0xfffff, d.count&0xfffff)
	if len(d.kept) == maxKept {
		d.kept = slices.Delete(d.kept, 0, 1)
	}
	d.kept = append(d.kept, m)
	return m.ID
}

// Close ends all connections and waits for the goroutines of the server. It may
// be called more than once.
func (d *Demo) Close() error {
	if d.stop != nil {
		d.stop()
	}
	d.shut()
	d.wg.Wait()
	return nil
}

// shut begins the end: nothing is accepted any more, every read and write fails.
func (d *Demo) shut() {
	d.closing.Do(func() {
		d.mu.Lock()
		close(d.done)
		for conn := range d.conns {
			conn.Close()
		}
		d.mu.Unlock()
		for _, listener := range d.listeners {
			listener.Close()
		}
	})
}
