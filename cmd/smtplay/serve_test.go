package main

import (
	"fmt"
	"slices"
	"testing"

	"smtplay/engine/server"
)

func TestListenAddress(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want place
	}{
		{"127.0.0.1", place{network: "tcp", address: "127.0.0.1:0"}},
		{"127.0.0.1:0", place{network: "tcp", address: "127.0.0.1:0"}},
		{"localhost:2525", place{network: "tcp", address: "localhost:2525"}},
		{"::1", place{network: "tcp", address: "[::1]:0"}},
		{"[::1]", place{network: "tcp", address: "[::1]:0"}},
		{"[::1]:25", place{network: "tcp", address: "[::1]:25"}},
		{"0.0.0.0:25", place{network: "tcp", address: "0.0.0.0:25"}},
		{"unix:/run/a=b", place{network: "unix", address: "/run/a=b"}},
		{"", place{}},
		{":25", place{}},
		{"::1:0x", place{}},
		{"a b", place{}},
		{"unix:", place{}},
	} {
		got, err := listenAddress(tt.in)
		if got.network != tt.want.network || got.address != tt.want.address || (err != nil) != (tt.want.network == "") {
			t.Errorf("%q: got %+v, %v", tt.in, got, err)
		}
	}
}

// TestPlaces: each target has an address of its own, unless one was given for all.
func TestPlaces(t *testing.T) {
	smtp, submission, submissions := server.Target{Name: "smtp"}, server.Target{Name: "submission"}, server.Target{Name: "submissions", TLS: true}
	all := []server.Target{smtp, submission, submissions}
	for _, tt := range []struct {
		listen  []string
		targets []server.Target
		want    []string
		reason  string
	}{
		{nil, all, []string{"127.0.0.1:0 [smtp]", "127.0.0.1:0 [submission]", "127.0.0.1:0 [submissions]"}, "free ports"},
		{[]string{"0.0.0.0"}, all, []string{"0.0.0.0:0 [smtp]", "0.0.0.0:0 [submission]", "0.0.0.0:0 [submissions]"}, "of another address"},
		{[]string{"127.0.0.1:25"}, all[:2], []string{"127.0.0.1:25 [smtp submission]"}, "one port for those that begin alike"},
		{[]string{"127.0.0.1:25"}, all[2:], []string{"127.0.0.1:25 [submissions]"}, "of which there may be one"},
		{[]string{"127.0.0.1:25"}, all, nil, "not for those that do not"},
		{[]string{"127.0.0.1:25", "submissions=127.0.0.1:465"}, all, []string{"127.0.0.1:25 [smtp submission]", "127.0.0.1:465 [submissions]"}, "but that has its own"},
		{[]string{"smtp=127.0.0.1:25"}, all[:2], []string{"127.0.0.1:25 [smtp]", "127.0.0.1:0 [submission]"}, "one fixed, one free"},
		{[]string{"lmtp=127.0.0.1:25"}, all, nil, "no such target"},
		{nil, []server.Target{{Name: "smtp", Mixed: true}}, nil, "it begins in two ways"},
	} {
		places, err := (&serveFlags{listen: tt.listen}).places(tt.targets)
		var got []string
		for _, p := range places {
			got = append(got, fmt.Sprint(p.address, " ", p.targets))
		}
		if !slices.Equal(got, tt.want) || (err != nil) != (tt.want == nil) {
			t.Errorf("%s: got %q, %v, want %q", tt.reason, got, err, tt.want)
		}
	}
}
