package dsl

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine"
	"smtplay/engine/resolver"
)

// reach is how a connect finds its server, and as whom.
type reach struct {
	proxy    *engine.Proxy
	mx       string // a domain, whose hosts are tried instead of a target
	port     string // theirs
	at       netip.Addr
	resolver string
}

// reachParams are the options of connect that say so.
var reachParams = []param{
	{name: "proxy", kind: proxyKind, doc: `be another client, by a PROXY protocol header: { source = "203.0.113.7:4711", destination = …, version = 1 or 2 }. The destination is by default the address that was reached, the version 2, a port that is missing our own`},
	{name: "mx", kind: domainKind, doc: `instead of a target: connect to the MX host of this domain, the next one only where no connection can be made; "example.com:2525" has another port than 25`},
	{name: "address", kind: addressKind, doc: "the IP address of the target's host, one that addresses gave; the certificate is still that of the target"},
	optResolver,
}

var optResolver = param{name: "resolver", kind: resolverKind, doc: `the DNS server to ask, "127.0.0.1:5353"; default --resolver, else the system's`}

func lookupVerbs() []*verb {
	return []*verb{{name: "addresses", global: true, doc: "The addresses of a target's host, as the DNS gives them: a list of \"IP:port\", those of IPv6 first where a resolver is named. Each is for connect(target, { address = … }). Outside of a test it gives one test for each. A run asks once; that there is none is an error.",
		args:    []param{{name: "target", kind: textKind, optional: true, doc: `a target, "host:port", or the name of a host, whose port is then 25`}},
		options: []param{optResolver}, example: `for _, a in ipairs(addresses "smtp") do connect("smtp", { address = a }); ehlo() end`, run: runAddresses}}
}

// reach reads those options.
func (c *call) reach() reach {
	r := reach{resolver: c.word("resolver")}
	if mx := c.word("mx"); mx != "" {
		if c.arg(0) != lua.LNil {
			c.wrong("%s", mxAndTarget)
		}
		r.mx, r.port = splitDomain(mx)
	}
	if a := c.word("address"); a != "" {
		if r.mx != "" {
			c.wrong("connect takes mx or address, not both: mx is asked for its hosts")
		}
		r.at, _ = parseAddress(a)
	}
	if v := c.option("proxy"); v != lua.LNil {
		p, err := readProxy(nodeOf(v, 0))
		if err != nil {
			c.wrong("%v", err)
		}
		r.proxy = p
	}
	return r
}

const mxAndTarget = "connect takes a target or mx, not both: mx finds the host by itself"

// checkConnect finds what cannot be right in the options of a connect together.
func checkConnect(v *verb, args int, options []field) error {
	has := func(name string) bool {
		return slices.ContainsFunc(options, func(f field) bool { return f.key == name && !isNil(f.value) })
	}
	switch {
	case v.name != "connect" || !has("mx"):
		return nil
	case args > 0:
		return fmt.Errorf("%s", mxAndTarget)
	case has("address"):
		return fmt.Errorf("connect takes mx or address, not both: mx is asked for its hosts")
	}
	return nil
}

// readProxy reads the option proxy; nil where part of it is not known yet.
func readProxy(n node) (*engine.Proxy, error) {
	if n.kind == unknownNode {
		return nil, nil
	}
	if n.kind != tableNode || len(n.list) > 0 {
		return nil, fmt.Errorf(`proxy is a table: { source = "203.0.113.7:4711" }, with destination and version where they matter`)
	}
	var source, destination *string
	version, known := 0, true
	for _, f := range n.named {
		switch f.name {
		case "source", "destination":
			end := &source
			if f.name == "destination" {
				end = &destination
			}
			switch f.value.kind {
			case stringNode:
				*end = &f.value.str
			case unknownNode:
				known, *end = false, new(string)
			case nilNode:
			default:
				return nil, fmt.Errorf("%s of proxy is a string, not %v", f.name, f.value)
			}
		case "version":
			switch f.value.kind {
			case numberNode:
				if version = int(f.value.num); float64(version) != f.value.num || version < 1 || version > 2 {
					return nil, fmt.Errorf("the PROXY protocol has the versions 1 and 2, not %v", f.value)
				}
			case unknownNode:
				known = false
			case nilNode:
			default:
				return nil, fmt.Errorf("version of proxy is the number 1 or 2, not %v", f.value)
			}
		default:
			return nil, unknownOption("proxy", f.name, []string{"source", "destination", "version"})
		}
	}
	if source == nil {
		return nil, fmt.Errorf("proxy needs a source, the client that the server is to see")
	}
	if !known {
		return nil, nil
	}
	to := ""
	if destination != nil {
		if to = *destination; to == "" {
			return nil, fmt.Errorf("the destination of proxy is empty")
		}
	}
	p, err := engine.ParseProxy(*source, to, version)
	return &p, err
}

// splitDomain parts what mx is given; a port that is missing is 25.
func splitDomain(s string) (domain, port string) {
	if host, p, err := net.SplitHostPort(s); err == nil {
		return host, p
	}
	return s, "25"
}

func domainSpelling(s string) error {
	domain, port := splitDomain(s)
	_, addressErr := netip.ParseAddr(strings.Trim(domain, "[]"))
	switch {
	case strings.Contains(domain, "@"):
		return fmt.Errorf("mx is a domain, what stands behind the @, not %q", s)
	case addressErr == nil:
		return fmt.Errorf("%q is an address, and mx is a domain: connect %q needs no MX", s, s)
	case domain == "" || strings.ContainsAny(domain, ": \t\r\n/[]<>"):
		return fmt.Errorf("%q is no domain", s)
	}
	return portSpelling(port, s)
}

func portSpelling(port, whole string) error {
	if end, err := netip.ParseAddrPort("127.0.0.1:" + port); err != nil || end.Port() == 0 {
		return fmt.Errorf("%q has no port: ports go from 1 to 65535", whole)
	}
	return nil
}

// parseAddress reads an IP address, whose port is that of the target, whatever
// stands there.
func parseAddress(s string) (netip.Addr, error) {
	if end, err := netip.ParseAddrPort(s); err == nil {
		return end.Addr().Unmap(), nil
	}
	ip, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return ip, fmt.Errorf("address is an IP address, as addresses gives them, not %q", s)
	}
	return ip.Unmap(), nil
}

func resolverSpelling(s string) error {
	_, err := resolver.ParseServer(s)
	return err
}

// dial opens the conversation that the options describe.
func (s *session) dial(address string, r reach, opts engine.Options) (*engine.Conn, error) {
	opts.Resolver = opts.Resolver.Asking(r.resolver)
	opts.At, opts.Proxy = r.at, r.proxy
	if r.mx != "" {
		return engine.ConnectMX(s.ctx, r.mx, r.port, opts)
	}
	return engine.Connect(s.ctx, address, opts)
}

func runAddresses(c *call) int {
	target := c.text(0)
	address, _, err := c.s.env.Targets.Resolve(target)
	if err != nil && isHostName(target) {
		address, err = net.JoinHostPort(target, "25"), nil
	}
	if err != nil {
		c.s.failed(c.LState, nil, err)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || strings.HasPrefix(address, "unix:") || engine.IsCommand(address) {
		c.wrong("addresses: %s has no IP address", address)
	}
	found, err := c.s.env.Options.Resolver.Asking(c.word("resolver")).Once(c.s.ctx, host)
	if err != nil {
		c.s.failed(c.LState, nil, &engine.Error{Op: "connect", Addr: address, Kind: engine.Dial, Msg: "no address of " + host, Err: err})
	}
	t := c.CreateTable(len(found), 0)
	for _, ip := range found {
		t.Append(lua.LString(net.JoinHostPort(ip.String(), port)))
	}
	c.Push(t)
	return 1
}

// commands are the targets of the script that are commands, written out.
func (s *Script) commands() []Use {
	var found []Use
	for _, use := range s.needs.Targets {
		if engine.IsCommand(use.Name) {
			found = append(found, use)
		}
	}
	return found
}

// Commands says of each target that is a command why it may not be run: they are
// allowed by the one who runs the script, not by the script.
func (s *Script) Commands(allowed bool) Problems {
	var problems Problems
	for _, use := range s.commands() {
		p := Problem{Pos: use.Pos, Column: use.column, Source: use.source}
		if err := engine.CheckCommand(use.Name); err != nil {
			p.Msg = err.Error()
		} else if allowed {
			continue
		} else {
			p.Msg = "this target is a command, and those are run with --allow exec only"
			p.Hint = "--allow exec lets every script of this run start commands as you: read them first"
		}
		problems = append(problems, p)
	}
	return s.hide(problems)
}
