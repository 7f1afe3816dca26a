package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"smtplay/engine"
	"smtplay/engine/suite"
)

// connectionFlags say which server is meant and how connections are made.
type connectionFlags struct {
	server   string
	targets  []string
	insecure bool
	ca       string
	tlsName  string
	helo     string
	source   string
	timeout  durationFlag
	reachFlags
}

func (f *connectionFlags) register(fs *pflag.FlagSet) {
	f.registerServer(fs)
	fs.StringVar(&f.helo, "helo", "", "`NAME`: the client's name for EHLO (default this host's full name, else its address)")
}

// registerServer leaves out what a client says of itself.
func (f *connectionFlags) registerServer(fs *pflag.FlagSet) {
	fs.StringVarP(&f.server, "server", "s", "", "`HOST[:PORT]`: the server under test (SMTPLAY_SERVER)")
	fs.StringArrayVar(&f.targets, "target", nil, "`NAME=ADDRESS`: where a name that scripts connect to leads")
	fs.StringVar(&f.ca, "ca", "", "`FILE`: trust the certificates in it (PEM) instead of the system's")
	fs.StringVar(&f.tlsName, "tls-name", "", "`NAME`: what certificates must be for; needed when a target is an IP address")
	fs.BoolVar(&f.insecure, "insecure", false, "go on when a certificate does not verify, and send secrets even so")
	fs.StringVar(&f.source, "source", "", "`ADDRESS`: the local IP address to connect from")
	f.reachFlags.register(fs)
	fs.Var(&f.timeout, "timeout", "how long any reply may take (default 30s, after the final dot 10m)")
}

// where finds the server and the targets that the flags name.
func (f *connectionFlags) where(p *process) (suite.Targets, error) {
	t := suite.Targets{Named: map[string]string{}}
	named, from := f.server, "--server"
	if named == "" {
		named, from = p.env["SMTPLAY_SERVER"], "SMTPLAY_SERVER"
	}
	if named != "" {
		host, port, err := splitServer(named)
		if err != nil {
			return t, usage("%s: %v", from, err).try("write a host, or host:port: mail.example.com, 192.0.2.1:2525, [2001:db8::1]:25")
		}
		t.Host, t.Port = host, port
	}
	allowed, err := f.permissions()
	if err != nil {
		return t, err
	}
	const form = "NAME=ADDRESS: submission=mail.example.com:587, lmtp=unix:/run/lmtp"
	for _, target := range f.targets {
		name, address, err := pair("target", target, form)
		if err != nil {
			return t, err
		}
		if err := checkAddress(address); err != nil {
			return t, usage("--target %s: %v", name, err)
		}
		if engine.IsCommand(address) && !allowed.Exec {
			return t, usage("--target %s is a command, and those are run with --allow exec only", name)
		}
		t.Named[name] = address
	}
	return t, nil
}

// splitServer reads HOST[:PORT]; an IPv6 address may stand bare.
func splitServer(s string) (host, port string, err error) {
	if net.ParseIP(strings.Trim(s, "[]")) != nil {
		return strings.Trim(s, "[]"), "", nil
	}
	host, port = s, ""
	if strings.Contains(s, ":") && !strings.Contains(s, "/") {
		if host, port, err = net.SplitHostPort(s); err != nil {
			return "", "", usage("%q is no host and port", s)
		}
		if err := checkPort(port); err != nil {
			return "", "", err
		}
	}
	if !isHost(host) {
		return "", "", usage("%q is no host name and no address", host)
	}
	return host, port, nil
}

func checkAddress(s string) error {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return usage("unix: lacks the path of its socket")
		}
		return nil
	}
	if engine.IsCommand(s) {
		return engine.CheckCommand(s)
	}
	_, _, err := splitServer(s)
	return err
}

func checkPort(s string) error {
	if n, err := strconv.Atoi(s); err != nil || n < 1 || n > 65535 {
		return usage("%q is no port: ports go from 1 to 65535", s)
	}
	return nil
}

// isHost says whether s may be the name of a host. Whether there is one of that
// name DNS decides.
func isHost(s string) bool {
	return s != "" && s[0] != '-' && !strings.ContainsAny(s, " \t\r\n/\\@,;=<>[]()\"'") && (net.ParseIP(s) != nil || !strings.Contains(s, ":"))
}

// options are the defaults of every connection.
func (f *connectionFlags) options(p *process) (engine.Options, error) {
	o := engine.Options{Timeout: f.timeout.Duration, Insecure: f.insecure, Source: strings.Trim(f.source, "[]")}
	o.Security.Name, o.Security.NoVerify = f.tlsName, f.insecure
	if o.Source != "" && net.ParseIP(o.Source) == nil {
		return o, usage("--source: %q is no IP address", f.source)
	}
	if f.tlsName != "" && !isHost(f.tlsName) {
		return o, usage("--tls-name: %q is no host name", f.tlsName)
	}
	if f.ca != "" {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return o, usage("--ca: %v", err)
		}
		if o.Security.CA, err = engine.LoadCA(pem, f.ca); err != nil {
			return o, usage("--ca: %v", err)
		}
	}
	return o, f.reach(p, &o)
}

// clientName is the name for EHLO, "" for the address literal of our end. The
// host's own name counts where it is a whole one: a server that checks it would
// refuse a short one, and that would be the verdict of every test.
func (f *connectionFlags) clientName(p *process) (string, error) {
	if f.helo != "" {
		if err := checkClientName(f.helo); err != nil {
			return "", usage("--helo: %v", err)
		}
		return f.helo, nil
	}
	name, err := p.hostname()
	name = strings.TrimSuffix(name, ".")
	if err != nil || !strings.Contains(name, ".") || !isHost(name) {
		return "", nil
	}
	return name, nil
}

func checkClientName(s string) error {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Errorf("%q is no name for EHLO", s)
	}
	return nil
}
