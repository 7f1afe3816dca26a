package main

import (
	"context"
	"net"
	"net/url"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"smtplay/engine"
	"smtplay/engine/jump"
	"smtplay/engine/resolver"
)

// reachFlags say by which way a server is reached.
type reachFlags struct {
	allowFlag
	resolver string
	via      string
	viaKey   string
}

func (f *reachFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.resolver, "resolver", "", "`ADDRESS`: the DNS server to ask for MX hosts and addresses (default the system's)")
	fs.StringVar(&f.via, "via", "", "`ssh://[USER@]HOST[:PORT]`: connect from that machine, through SSH")
	fs.StringVar(&f.viaKey, "via-key", "", "`FILE`: the private key for --via (default those of ssh-agent and of ~/.ssh)")
	f.allowFlag.register(fs)
}

// reach puts into the options by which way connections are made.
func (f *reachFlags) reach(p *process, o *engine.Options) error {
	allowed, err := f.permissions()
	if err != nil {
		return err
	}
	if allowed.Exec {
		o.Commands = &engine.Commands{Env: environmentOf(p)}
	}
	o.Resolver = &resolver.Resolver{}
	if f.resolver != "" {
		if o.Resolver.Server, err = resolver.ParseServer(f.resolver); err != nil {
			return usage("--resolver: %v", err)
		}
	}
	switch {
	case f.via == "" && f.viaKey != "":
		return usage("--via-key is of no use without --via")
	case f.via == "":
		return nil
	case o.Source != "":
		return usage("--source names an address of this machine, and with --via connections come from another")
	}
	host, err := f.jump(p)
	if err != nil {
		return err
	}
	o.Via = host
	o.Resolver.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		return host.DialContext(ctx, network, address)
	}
	return nil
}

// environmentOf is the environment that a command gets: what smtplay was told
// there is none of its business.
func environmentOf(p *process) []string {
	env := []string{}
	for name, value := range p.env {
		if !strings.HasPrefix(name, "SMTPLAY_") {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// jump reads --via and what SSH needs of ~/.ssh. Nothing is dialled.
func (f *reachFlags) jump(p *process) (*jump.Host, error) {
	const form = "write ssh://user@host or ssh://host:2222"
	u, err := url.Parse(f.via)
	if err != nil || u.Scheme != "ssh" || !isHost(u.Hostname()) || strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "" {
		return nil, usage("--via is no address of an SSH host").try(form) // not quoted: there may be a password in it
	}
	if _, has := u.User.Password(); has {
		return nil, usage("--via holds a password, which all users of this machine can read").try("smtplay logs in with keys: ssh-agent, ~/.ssh, or --via-key FILE")
	}
	port := u.Port()
	if port == "" {
		port = "22"
	}
	if err := checkPort(port); err != nil {
		return nil, usage("--via: %v", err)
	}
	h := &jump.Host{Address: net.JoinHostPort(u.Hostname(), port), User: u.User.Username()}
	if h.User == "" {
		if h.User = p.env["USER"]; h.User == "" {
			if own, err := user.Current(); err == nil {
				h.User = own.Username
			}
		}
	}
	folder := sshFolder(p)
	if h.Keys, h.Skipped, err = jump.Keys(p.env["SSH_AUTH_SOCK"], folder, f.viaKey); err != nil {
		return nil, usage("--via-key: %v", err)
	}
	h.Known, h.Types, err = jump.KnownHosts(h.Address, filepath.Join(folder, "known_hosts"), filepath.Join(folder, "known_hosts2"), systemKnownHosts)
	if err != nil {
		return nil, usage("--via: %v", err)
	}
	return h, nil
}

// sshFolder is the user's ~/.ssh, and never that of the folder where we are,
// which may be a stranger's: what it says of host keys would be believed.
func sshFolder(p *process) string {
	home := p.env["HOME"]
	if own, err := user.Current(); !filepath.IsAbs(home) && err == nil {
		home = own.HomeDir
	}
	if !filepath.IsAbs(home) {
		home = string(filepath.Separator)
	}
	return filepath.Join(home, ".ssh")
}

const systemKnownHosts = "/etc/ssh/ssh_known_hosts"
