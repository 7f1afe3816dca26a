package main

import (
	"net"
	"slices"
	"strings"

	"smtplay/engine/server"
)

// place is where some targets are served.
type place struct {
	targets          []string
	network, address string
}

// loopback is where is listened if nobody says otherwise.
const loopback = "127.0.0.1"

// places says where each target is served: at the address that --listen has for
// it, or at a free port of its own.
func (f *serveFlags) places(targets []server.Target) ([]place, error) {
	given, all, err := f.listenFor(targets)
	if err != nil {
		return nil, err
	}
	var places []place
	shared, sharesTLS := -1, false // the place of those that have no address of their own
	for _, t := range targets {
		if t.Mixed {
			return nil, usage("of the conversations with %s some begin with TLS and some do not: no port can serve both", t.Name).try("serve the transcripts one at a time")
		}
		at, ok := given[t.Name]
		if !ok {
			at = all
		}
		if !ok && at.fixed() {
			if shared >= 0 && sharesTLS != t.TLS {
				return nil, usage("--listen %s: TLS from the first byte and clear text cannot share it", all.address).
					try("give each of %s an address: --listen NAME=ADDRESS", strings.Join(targetNamesOf(targets), ", "))
			}
			if shared >= 0 {
				places[shared].targets = append(places[shared].targets, t.Name)
				continue
			}
			shared, sharesTLS = len(places), t.TLS
		}
		at.targets = []string{t.Name}
		places = append(places, at)
	}
	return places, nil
}

// fixed says whether the address can be had only once.
func (p place) fixed() bool { return p.network == "unix" || !strings.HasSuffix(p.address, ":0") }

// listenFor reads --listen: addresses of single targets, and the one of all others.
func (f *serveFlags) listenFor(targets []server.Target) (given map[string]place, all place, err error) {
	given = map[string]place{}
	all = place{network: "tcp", address: net.JoinHostPort(loopback, "0")}
	names := targetNamesOf(targets)
	for _, l := range f.listen {
		name, address, ok := strings.Cut(l, "=")
		if !ok || strings.HasPrefix(l, "unix:") {
			if all, err = listenAddress(l); err != nil {
				return nil, all, err
			}
			continue
		}
		if !slices.Contains(names, name) {
			return nil, all, usage("--listen %s: the transcripts name no target %q", l, name).try("they name %s", strings.Join(names, ", "))
		}
		if given[name], err = listenAddress(address); err != nil {
			return nil, all, err
		}
	}
	return given, all, nil
}

// listenAddress reads HOST[:PORT] or unix:PATH.
func listenAddress(s string) (place, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return place{}, usage("--listen: unix: lacks the path of its socket")
		}
		return place{network: "unix", address: path}, nil
	}
	host, free := strings.CutSuffix(s, ":0")
	host, port, err := splitServer(host)
	if err != nil {
		return place{}, usage("--listen %s: %v", s, err).try("write 127.0.0.1:2525, or 127.0.0.1 for a free port; 0.0.0.0:2525 is every address of this host")
	}
	if free || port == "" {
		port = "0"
	}
	return place{network: "tcp", address: net.JoinHostPort(host, port)}, nil
}

func targetNamesOf(targets []server.Target) []string {
	var names []string
	for _, t := range targets {
		names = append(names, t.Name)
	}
	return names
}
