package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"smtplay/engine/resolver"
	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// How long a reply may take when Options do not say. RFC 5321 4.5.3.2 allows a
// server five minutes for most commands, which is no time to wait in a test;
// after the final dot (4.5.3.2.6) a server may have real work to do.
const (
	DefaultTimeout      = 30 * time.Second
	DefaultFinalTimeout = 10 * time.Minute
	quitTimeout         = 2 * time.Second // for the reply to our own closing QUIT
)

// Options say how a connection is made. The zero value works: system CAs,
// verification on, default timeouts, nothing recorded.
type Options struct {
	// What every reply needs comes first, as in Conn.
	Timeout  time.Duration       // for every reply and for the connect; 0 for the defaults
	Recorder transcript.Recorder // nil records nothing
	Secrets  *transcript.Redactor
	Number   int                // which of the conversations open at once, from 1; 0 is 1
	Insecure bool               // secrets may go over unverified and clear connections
	TLS      bool               // TLS from the first byte (RFC 8314 3.3)
	Target   string             // the name by which a script called the address, for the transcript
	Source   string             // local address to connect from, without port; "" for any
	Proxy    *Proxy             // the client that a PROXY header names; nil sends none
	Resolver *resolver.Resolver // asked for the addresses of hosts where it names a server, and for MX; nil is the system's
	At       netip.Addr         // where the host of the address is, its name being that of the certificate; the zero value asks for it
	Via      Dialer             // from where connections are made, but for commands; nil is from here
	Commands *Commands          // lets an address be "exec:" and a command of this machine; nil forbids it
	Security TLSOptions         // for TLS from the first byte, and for a later STARTTLS
	Logins   *AuthLimit         // of this connection and all that share it; nil for none
	// Waiting is told of everything that blocks, and calls what it returns when that is over, before the engine goes
	// on: dialling, reads of what is not there yet, writes, the ends of commands, the turn of a login. It is called by
	// the owner of the connection and never inside itself. nil is nobody.
	Waiting func() (done func())
	// Alone says that Waiting need not be told now: nobody would go on meanwhile. To tell costs a read that finds
	// nothing for nearly every reply. nil is never.
	Alone func() bool
	why   string // how the address was found, for the transcript
}

// TLSOptions say how a handshake is done and judged.
type TLSOptions struct {
	Name       string           // SNI, and the name the certificate must hold; "" for the host of the address
	CA         *x509.CertPool   // nil for the system's
	NoVerify   bool             // finish the handshake whatever verification finds
	MinVersion uint16           // tls.VersionTLS10 and so on; 0 for 1.2, or lower where MaxVersion is
	MaxVersion uint16           // 0 for the newest, 1.2 where Ciphers are given
	Client     *tls.Certificate // the client's own, with its Leaf, for a server that asks; nil for none
	Ciphers    []uint16         // the suites to offer, of TLS up to 1.2; nil for the usual ones
}

// Command is one command that was sent, and so one reply that is owed.
type Command struct {
	Line     string         // without CRLF, a SASL message masked
	Pos      transcript.Pos // the line of the script that sent it
	Greeting bool           // no command: the connect, which the greeting answers
	Final    bool           // the lone dot, or the last BDAT
	For      string         // LMTP and PRDR: the recipient whose reply this is
	Each     bool           // PRDR: a 353 to it begins the replies for the recipients
	sasl     bool           // AUTH, or an answer to its 334
	verb     string         // of Line, where somebody has looked already
}

// word is the verb of the command.
func (c *Command) word() string {
	if c.verb == "" {
		c.verb = wire.Verb(c.Line)
	}
	return c.verb
}

// String is the command as a person names it.
func (c *Command) String() string {
	switch {
	case c == nil:
		return ""
	case c.Greeting:
		return "the connect"
	case c.Line == "":
		return "an empty line"
	case c.For != "":
		return c.Line + " for " + c.For
	}
	return c.Line
}

// Conn is one conversation. It belongs to one goroutine.
type Conn struct {
	// What every command and reply needs comes first: of hundreds of conversations
	// none is in the processor's cache when its turn comes, and each piece of it
	// that is touched is fetched anew.
	sock    *socket
	tls     *tls.Conn // nil in clear
	state   *tlsState // nil in clear
	in      []byte    // bytes read; those from r on are unread
	r       int
	closed  bool
	blamed  bool // unread bytes were reported as a fault
	message bool // a 354 was read: what is sent is message text
	raw     bool // raw bytes were sent: unasked bytes are no fault until the next reply
	ended   bool // a 421 was read
	lmtp    bool
	prdr    bool // MAIL of this transaction asked for a reply for each recipient
	quit    bool // QUIT was sent

	owed []*Command
	sent time.Time
	ctx  context.Context // the one that watch follows

	kept []byte    // the latest replies; never written to twice
	dead *Error    // why every further verb fails
	head string    // of a line that was sent raw, without its end
	line [1]string // reused for a command alone
	auth authState
	opts Options
	out  []byte      // reused for commands
	room [4]*Command // where owed begins

	unhook    func() bool
	addr      string // as dialled
	host      string
	atHead    authState // what auth was before the line that head is of
	mechanism string    // of the latest Auth
	refusal   string    // what the last challenge of the latest AUTH said of why it is refused
	login     string    // the mask of all that auth says of a login under way, "" by hand
	logins    int       // AUTH commands sent, their outcome not known
	loopback  bool
	welcomed  bool   // an EHLO, HELO or LHLO was accepted
	client    net.IP // whom the server was told to see; nil is our own end
	standing  standing
	rcpts     []string           // LMTP and PRDR: accepted recipients of this transaction
	hello     *wire.Reply        // to the last EHLO or LHLO that still counts, nil for none
	caps      *wire.Capabilities // what hello says, once somebody asked
}

// Over holds a conversation over a connection that exists already.
func Over(ctx context.Context, nc net.Conn, address string, opts Options) (*Conn, error) {
	if opts.Number == 0 {
		opts.Number = 1
	}
	c := &Conn{opts: opts, addr: address, host: hostOf(address), sock: newSocket(nc), sent: time.Now()}
	c.sock.waiting, c.sock.alone = opts.Waiting, opts.Alone
	c.in, c.out = buffers.take()
	c.loopback = c.staysHere()
	c.record(transcript.Connect, strings.TrimSpace(opts.Target+" "+opts.peerName(nc, address)))
	c.owed = append(c.room[:0], &Command{Greeting: true})
	if opts.Via != nil {
		c.Note("through %s", opts.Via)
	}
	if opts.why != "" {
		c.Note("%s", opts.why)
	}
	if opts.Proxy != nil {
		if err := c.introduce(ctx, *opts.Proxy); err != nil {
			c.Close()
			return nil, err
		}
	}
	if opts.TLS {
		if err := c.Handshake(ctx, opts.Security); err != nil {
			c.Close()
			if e, ok := err.(*Error); ok {
				e.Proxied = c.Proxied()
			}
			return nil, err
		}
	}
	return c, nil
}

// Address is the address that was dialled; Target the name it was called by.
func (c *Conn) Address() string { return c.addr }

// Target is the name by which the script called the address.
func (c *Conn) Target() string { return c.opts.Target }

// Number tells the conversations of a transcript apart.
func (c *Conn) Number() int { return c.opts.Number }

// LocalIP is the address of our end as the server sees it, that of a PROXY
// header included; nil where it has none.
func (c *Conn) LocalIP() net.IP {
	if c.client != nil {
		return c.client
	}
	if a, ok := c.sock.LocalAddr().(*net.TCPAddr); ok {
		return a.IP
	}
	return nil
}

// Loopback says whether both ends are on one machine: this one, or the host
// through which the connection goes (up to there, SSH encrypts).
func (c *Conn) Loopback() bool { return c.loopback }

func (c *Conn) staysHere() bool {
	switch a := c.sock.RemoteAddr().(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	case interface{ IsLoopback() bool }: // a name that is resolved elsewhere
		return a.IsLoopback()
	}
	if c.sock.RemoteAddr() == nil {
		return false
	}
	network := c.sock.RemoteAddr().Network()
	return network == "pipe" || network == "exec"
}

// Open says whether the connection is still there as far as smtplay knows.
func (c *Conn) Open() bool { return !c.closed && c.dead == nil }

// Capabilities are what the last EHLO or LHLO of this connection, TLS state
// and XCLIENT identity was told. Without one the error is of kind Unknown.
func (c *Conn) Capabilities() (wire.Capabilities, error) {
	if c.hello == nil {
		return wire.Capabilities{}, &Error{Op: "capabilities", Addr: c.addr, Kind: Unknown,
			Msg: "the server's capabilities are not known: no EHLO has been answered since the connect, STARTTLS or XCLIENT"}
	}
	if c.caps == nil {
		caps := wire.ParseCapabilities(c.hello)
		c.caps = &caps
	}
	return *c.caps, nil
}

// Close closes the connection without a word.
func (c *Conn) Close() {
	c.shut("client")
}

func (c *Conn) shut(by string) {
	if c.closed {
		return
	}
	if c.sock.busy { // whoever waits there cleans up
		c.sock.Conn.Close()
		return
	}
	c.closed = true
	c.forgetLogins()
	c.take() // every byte that was read is recorded, asked for or not
	buffers.give(c.in, c.out)
	c.in, c.out = nil, nil
	if x, ok := c.sock.Conn.(*execConn); ok {
		c.wait(func() { x.Close() })
		for _, said := range x.parting() {
			c.Note("%s", said)
		}
	}
	c.record(transcript.Close, by)
	c.unwatch()
	if c.tls != nil && by == "client" && c.dead == nil {
		c.tls.Close()
		return
	}
	if c.opts.Via == nil {
		c.sock.Close()
		return
	}
	c.wait(func() { c.sock.Close() }) // which tells the host through which it goes
}

// wait does what may block on a connection that exists.
func (c *Conn) wait(do func()) {
	if c.sock.told() {
		defer c.sock.wait()()
	}
	do()
}

// Busy says whether a verb of this conversation is under way, to those that go
// on while it waits: Options.Waiting was told. Verbs fail meanwhile, and Close
// makes the one under way fail.
func (c *Conn) Busy() bool { return c.sock.busy }

// wait does what may block. Who wants to know of that is told.
func (o *Options) wait(do func()) {
	if o.Waiting != nil {
		defer o.Waiting()()
	}
	do()
}

// die ends the conversation: every further verb fails with what went wrong here.
func (c *Conn) die(e *Error) *Error {
	if ended := e.Kind == Closed || e.Kind == Reset; ended && c.state != nil && !c.state.read && c.state.client.Asked {
		// Postfix finishes the handshake and hangs up on whom it does not like.
		e.Msg += ", without a word after a handshake in which it asked for a certificate of the client"
		e.blameClient(c.state.client)
	}
	c.dead = e
	c.forgetLogins()
	switch e.Kind {
	case Closed:
		c.shut("server")
	case Reset:
		c.shut("reset")
	}
	return e
}

// usable is the error of a verb on a conversation that is over.
func (c *Conn) usable(op string) error {
	switch {
	case c.sock.busy:
		return &Error{Op: op, Addr: c.addr, Kind: Misuse, Msg: "this conversation is in use: what runs beside this waits in it for the server"}
	case c.dead != nil:
		return &Error{Op: op, Addr: c.addr, Kind: Dead, Err: c.dead, Msg: "this conversation is over"}
	case c.closed:
		return &Error{Op: op, Addr: c.addr, Kind: Dead, Msg: "this conversation is closed"}
	}
	return nil
}

// watch makes ctx's end interrupt whatever blocks on the connection.
func (c *Conn) watch(ctx context.Context) error {
	if c.ctx != ctx {
		c.unwatch()
		c.ctx = ctx
		watch := c.sock.watch
		c.unhook = context.AfterFunc(ctx, func() { c.sock.Interrupt(watch) })
	}
	if ctx.Err() != nil {
		return interrupted(ctx, "wait")
	}
	return nil
}

func (c *Conn) unwatch() {
	if c.unhook != nil && !c.unhook() {
		c.sock.Resume()
	}
	c.unhook = nil
}

func interrupted(ctx context.Context, op string) *Error {
	return &Error{Op: op, Kind: Interrupted, Msg: "interrupted", Err: context.Cause(ctx)}
}

func (c *Conn) record(kind transcript.Kind, text string) {
	c.recordBytes(kind, []byte(text), nil)
}

func (c *Conn) recordBytes(kind transcript.Kind, data []byte, spans []transcript.Span) {
	c.recordAt(time.Now(), kind, data, spans)
}

func (c *Conn) recordAt(now time.Time, kind transcript.Kind, data []byte, spans []transcript.Span) {
	if c.opts.Recorder != nil && (len(data) > 0 || kind != transcript.Server) {
		c.opts.Recorder.Record(transcript.Event{Conn: c.opts.Number, Kind: kind, Time: now, Data: data, Spans: spans})
	}
}

// Note puts a remark into the transcript.
func (c *Conn) Note(format string, args ...any) {
	c.record(transcript.Note, fmt.Sprintf(format, args...))
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return fallback
}
