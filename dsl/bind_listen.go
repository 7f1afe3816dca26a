package dsl

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// sessionTime is how long a session of a listener's may take where the script
// does not say: a client that hangs ends in bounded time.
const sessionTime = 2 * time.Minute

// mostListeners bounds those of one test, each of which holds a port and a file of this machine.
const mostListeners = 256

// errNobody is why accept and take end where nobody connected.
var errNobody = errors.New("nobody connected")

// listener is a server of the script's: the other end of the conversations that
// the server under test begins.
type listener struct {
	*server.Listener
	s        *session
	name     string // by which the script called it; "" where it gave the address
	pos      transcript.Pos
	domain   string
	lmtp     bool
	implicit bool // TLS from the first byte
	shown    *server.Certificate
	open     []*server.Session // by their numbers in the transcript, from 1
	serving  *half             // which accepts all that come; nil where the script does
	byHand   bool              // a function plays those sessions
	inbox    *inbox            // what serve took
}

// taken says whether a session that goes on has that number.
func (l *listener) taken(n int) bool { return n <= len(l.open) && l.open[n-1] != nil }

func listenVerbs() []*verb {
	return inChapter(chapterPeers, globals(
		&verb{name: "listen", returns: "listener", doc: "Listens for the server under test, or any client, to connect; on a free port of 127.0.0.1 unless told otherwise. It speaks only when take, accept or serve say so. An address that is not loopback needs --allow listen.",
			args: []param{{name: "address", kind: textKind, optional: true, doc: `"host:port" ("127.0.0.1:0" is a free port), "unix:/path", or a name: where --target NAME=ADDRESS leads`}},
			options: []param{
				{name: "tls", kind: anyValue, doc: "what certificate STARTTLS shows: " + strings.Join(server.FlawNames(), ", ") + "; false offers no STARTTLS (default good)"},
				{name: "implicit", kind: booleanKind, doc: "TLS from the first byte"},
				{name: "names", kind: listKind, doc: "the names of the certificate (default those of this machine's loopback, and name)"},
				{name: "cert", kind: pemKind, doc: "a file with a certificate to show, and its chain"},
				{name: "key", kind: textKind, doc: "the file with its key"},
				{name: "ca", kind: pemKind, doc: "a file with the certificate of an authority that the client trusts: it signs what tls names, so that nothing else is wrong with that"},
				{name: "ca_key", kind: textKind, doc: "the file with its key; without it the key lies in ca too"},
				{name: "name", kind: textKind, doc: "the name that it gives itself (default mx.example.net)"},
				{name: "lmtp", kind: booleanKind, doc: "LMTP (RFC 2033)"},
			},
			example: `local mx = listen{ "127.0.0.1:0", tls = "expired" }`, run: runListen},
	)...)
}

func listenerObject() *object {
	get := func(f func(l *listener) lua.LValue) func(*machine, any) lua.LValue {
		return func(_ *machine, self any) lua.LValue { return f(self.(*listener)) }
	}
	return &object{name: "listener", doc: "What listen returns: a server of the script's own.", fields: []objectField{
		{"address", "string", "where it listens, as connect takes it", get(func(l *listener) lua.LValue { return lua.LString(l.address()) })},
		{"host", "string", "the host of that; nil of a socket", get(func(l *listener) lua.LValue {
			host, _, _ := net.SplitHostPort(l.Addr())
			return textOrNil(host)
		})},
		{"port", "string", "the port of that; nil of a socket", get(func(l *listener) lua.LValue {
			_, port, _ := net.SplitHostPort(l.Addr())
			return textOrNil(port)
		})},
		{"name", "string", "the name that it gives itself", get(func(l *listener) lua.LValue { return lua.LString(l.domain) })},
	}, methods: []*verb{
		{name: "take", chapter: chapterPeers, calls: true, returns: "visit", doc: "Plays one whole session, as a correct server that accepts everything but for what it is told to answer, and returns what came. Waits for a client to connect.",
			options: hostParams(optWithin), example: `local got = mx:take{ rcpt = "451 4.7.1 come back", within = "30s" }`, run: runTake},
		{name: "accept", chapter: chapterPeers, returns: "session", doc: "Waits for a client to connect, and lets the script play the server by hand: nothing is said by itself.",
			options: []param{optWithin, {name: "timeout", kind: durationKind, doc: "how long each command may take (default 30s)"}}, example: `local s = mx:accept(); s:reply "220 mx.example.net"`, run: runAccept},
		{name: "serve", chapter: chapterPeers, calls: true, doc: "Plays every session from now on as take does, at once and in the background, until the test ends. With a function, that plays each by hand. What functions of several sessions share is safe: one of them runs at a time. The test does not wait for them: what such a function would find wrong after the test has ended is not judged.",
			args:    []param{{name: "handler", kind: functionKind, optional: true}},
			options: hostParams(), example: `mx:serve{ rcpt = function(address, visit) … end }`, run: runServe},
		{name: "expect", chapter: chapterPeers, returns: "message", doc: "Awaits a message, among those that serve took whole, that is as demanded, and returns it.",
			options: append(slices.Clone(messageDemands), optWithin), example: `mx:expect{ subject = id, within = "10s" }`, run: runExpectServed},
		{name: "close", chapter: chapterPeers, doc: "Stops listening, and ends all sessions; the end of the test does so too.", run: func(c *call) int {
			c.self.(*listener).Close()
			return 0
		}},
	}}
}

// hostParams are the options of what plays sessions by itself.
func hostParams(more ...param) []param {
	return slices.Concat([]param{
		{name: "capabilities", kind: listKind, doc: "what EHLO lists, in the place of what it can do"},
		{name: "users", kind: anyValue, doc: `who may log in, by AUTH: { james = secret "password" }; over TLS alone, unless auth_in_clear`},
		{name: "mechanisms", kind: listKind, doc: "those of AUTH (default PLAIN and LOGIN)"},
		{name: "auth_in_clear", kind: booleanKind, doc: "offer AUTH without TLS, too"},
		{name: "timeout", kind: durationKind, doc: "how long a session may take (default 2m)"},
	}, more, answerParams())
}

func runListen(c *call) int {
	c.inTest()
	if len(c.s.peers) >= mostListeners {
		c.wrong("listen: this test has %d listeners already: one takes any number of clients, one after the other or, by serve, at once", mostListeners)
	}
	l := &listener{s: c.s, pos: c.pos, domain: cmp.Or(c.optText("name"), "mx.example.net")}
	if lmtp := c.optBool("lmtp"); lmtp != nil {
		l.lmtp = *lmtp
	}
	if strings.ContainsFunc(l.domain, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		c.wrong("name of listen is %q: a name has no blanks and no line ends", l.domain)
	}
	o := c.listenAt(l)
	c.showCertificate(l)
	if implicit := c.optBool("implicit"); implicit != nil && *implicit {
		if l.implicit = true; l.shown == nil {
			c.wrong("implicit of listen is TLS from the first byte, and tls = false is none")
		}
	}
	var err error
	if l.Listener, err = server.Listen(o); err != nil {
		c.wrong("listen: %v", err)
	}
	stop := context.AfterFunc(c.s.ctx, func() { l.Close() }) // whatever a session waits for ends with the test
	c.s.closers = append(c.s.closers, func() { stop() })
	c.s.together = true
	c.s.peers = append(c.s.peers, l)
	if c.s.service != nil {
		c.s.service.Bound(l.name, l.address())
	}
	c.s.remark("listening%s on %s", spaced(l.name), l.place())
	c.Push(c.s.m.object(objectNamed["listener"], l))
	return 1
}

// spaced is a word with a blank before it, if there is one.
func spaced(word string) string {
	if word == "" {
		return ""
	}
	return " " + word
}

// listenAt says where to listen.
func (c *call) listenAt(l *listener) server.ListenOptions {
	address, allowed := c.text(0), false
	if address != "" && !strings.Contains(address, ":") && net.ParseIP(address) == nil {
		l.name = address
	}
	told := ""
	if c.s.service != nil {
		told = c.s.service.Listen(l.name)
	}
	switch {
	case told != "":
		address, allowed = told, true // by whoever serves
	case l.name != "":
		named, ok := c.s.env.Targets.Named[address]
		if !ok {
			c.s.failed(c.LState, nil, &suite.UnknownTargetError{Name: address, Known: c.s.env.Targets.Names()})
		}
		address = named
	}
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if l.name == "" && !allowed && !c.s.env.Allow.Listen {
			c.wrong("listen: a socket that the script itself names is made with --allow listen only; listen \"mx\" takes the one that --target mx=%s gives", address)
		}
		return server.ListenOptions{Network: "unix", Address: path, Timeout: sessionTime}
	}
	if address == "" {
		address = "127.0.0.1:0"
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = strings.Trim(address, "[]"), "0"
	}
	if ip := net.ParseIP(host); !allowed && (ip == nil || !ip.IsLoopback()) && host != "localhost" {
		if err := c.s.env.Allow.CanListen(address); err != nil {
			c.wrong("listen: %v", err)
		}
	}
	return server.ListenOptions{Network: "tcp", Address: net.JoinHostPort(host, port), Timeout: sessionTime}
}

// showCertificate makes the certificate that the listener shows.
func (c *call) showCertificate(l *listener) {
	cert, key := c.optText("cert"), c.optText("key")
	ca := c.authority()
	for _, text := range []string{cert, key} {
		for _, secret := range keyLines(text) {
			c.s.log.Redactor.AddSeen("key", secret)
		}
	}
	names := c.optList("names")
	given := c.option("tls")
	switch {
	case (cert != "" || key != "") && (given != lua.LNil || names != nil):
		c.wrong("listen shows the certificate of cert, or one that is made as tls and names say, not both")
	case cert != "" || key != "":
		if ca != nil {
			c.wrong("listen has a certificate of its own, cert, and an authority that makes one, ca")
		}
		c.certificateOfFiles(l, cert, key)
		return
	case given == lua.LFalse:
		return
	}
	flaw := server.FlawNone
	if given != lua.LNil && given != lua.LTrue {
		var err error
		if flaw, err = server.FlawNamed(c.asText(given, "tls")); err != nil {
			c.wrong("tls of listen: %v", err)
		}
	}
	if names == nil {
		names = []string{l.domain, "localhost", "127.0.0.1", "::1"}
	}
	make, err := server.CertificateNamed, error(nil)
	if ca != nil {
		make = ca.CertificateNamed
	}
	if l.shown, err = make(flaw, names...); err != nil {
		c.wrong("tls of listen: %v", err)
	}
}

// authority is the script's own, nil where it names none.
func (c *call) authority() *server.Authority {
	cert, key := c.optText("ca"), c.optText("ca_key")
	for _, text := range []string{cert, key} {
		for _, secret := range keyLines(text) {
			c.s.log.Redactor.AddSeen("key", secret)
		}
	}
	switch {
	case cert == "" && key == "":
		return nil
	case cert == "":
		c.wrong("ca_key of listen is the key of ca, and ca is not given, or empty")
	}
	certPEM, certName, err := c.home().clientPEM("ca", cert)
	if err != nil {
		c.wrong("%v", err)
	}
	keyPEM, keyName := certPEM, certName
	if key != "" {
		if keyPEM, keyName, err = c.home().clientPEM("ca_key", key); err != nil {
			c.wrong("%v", err)
		}
	}
	ca, err := server.LoadAuthority(certPEM, certName, keyPEM, keyName)
	if err != nil {
		c.wrong("listen: %v", err)
	}
	return ca
}

// certificateOfFiles loads what the script names; without a key that lies in cert
// too.
func (c *call) certificateOfFiles(l *listener, cert, key string) {
	if cert == "" {
		c.wrong("key of listen is the key of cert, and cert is not given, or empty")
	}
	certPEM, certName, err := c.home().clientPEM("cert", cert)
	if err != nil {
		c.wrong("%v", err)
	}
	keyPEM, keyName := certPEM, certName
	if key != "" {
		if keyPEM, keyName, err = c.home().clientPEM("key", key); err != nil {
			c.wrong("%v", err)
		}
	}
	if l.shown, err = server.LoadCertificate(certPEM, certName, keyPEM, keyName); err != nil {
		c.wrong("listen: %v", err)
	}
}

// address is where the listener is, as connect takes it.
func (l *listener) address() string {
	if strings.HasPrefix(l.Addr(), "/") || strings.HasPrefix(l.Addr(), "@") {
		return "unix:" + l.Addr()
	}
	return l.Addr()
}

// place is the listener in the transcript, which should be the same each time:
// without a port, which may be any.
func (l *listener) place() string {
	if host, _, err := net.SplitHostPort(l.Addr()); err == nil {
		return host
	}
	return l.address()
}

func (l *listener) tlsConfig() *tls.Config {
	if l.shown == nil {
		return nil
	}
	return l.shown.ServerConfig()
}

// next waits for a client, and records its session.
func (c *call) next(l *listener, within time.Duration) *server.Session {
	if l.serving != nil {
		c.wrong("%s: serve takes all that connect to this listener", c.v.fullName())
	}
	ctx, cancel := context.WithTimeoutCause(c.s.ctx, within, errNobody)
	defer cancel()
	back := c.s.waiting()
	s, err := l.Accept(ctx)
	back()
	switch {
	case err == nil:
		l.begin(s)
		return s
	case c.s.ctx.Err() != nil:
		c.interrupted()
	case errors.Is(err, server.ErrClosed):
		c.wrong("%s: this listener is closed", c.v.fullName())
	case errors.Is(err, errNobody):
		f := failureOf(fmt.Sprintf("nobody connected to %s in %v", strings.TrimSpace(l.name+" "+l.address()), within))
		f.Together, f.Hint = true, "whoever should connect looks elsewhere, or later: the log of the server under test says where (relay=), and postqueue -f makes Postfix try at once"
		c.s.fail(c.LState, f)
	default:
		c.wrong("%s: %v", c.v.fullName(), err)
	}
	return nil
}

// begin gives a session its number, and records it.
func (l *listener) begin(s *server.Session) int {
	n := l.s.number()
	for len(l.open) < n {
		l.open = append(l.open, nil)
	}
	l.open[n-1] = s
	s.Waiting, s.Secrets = l.s.waiting, l.s.log.Redactor
	var rec transcript.Recorder = l.s.log
	if l.s.service != nil {
		s.Secrets = &transcript.Redactor{Parent: s.Secrets} // what a client says is forgotten with it
		rec = &live{s.Secrets, l.s.log}
	}
	s.Record(rec, n, l.name)
	return n
}

// over lets go of a session's number.
func (l *listener) over(s *server.Session) {
	for i, open := range l.open {
		if open == s {
			l.open[i] = nil
		}
	}
}

// release lets go of all that the test holds.
func (s *session) release() {
	for _, l := range s.peers {
		l.Close()
		for _, open := range l.open {
			if open != nil && s.m.state.Strands() == 0 { // else somebody may be at work with it
				open.Close()
			}
		}
	}
	for _, close := range s.closers {
		close()
	}
}

// listenerAt is the test's own listener at an address, nil for none.
func (s *session) listenerAt(address string) *listener {
	for _, l := range s.peers {
		if l.address() == address {
			return l
		}
	}
	return nil
}
