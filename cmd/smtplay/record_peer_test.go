package main

import (
	"errors"
	"testing"

	"smtplay/engine/suite"
)

// The operand is the server, or a target of one that was named otherwise.
func TestPeer(t *testing.T) {
	demo := map[string]string{"smtp": "127.0.0.1:1", "submissions": "127.0.0.1:2"}
	for _, row := range []struct {
		name            string
		flags           recordFlags
		targets         suite.Targets // as the flags and the environment have them
		operand         string
		address, target string
		tls             bool
		file            string
		fault           string
	}{
		{name: "a host", operand: "mail.example.com", address: "mail.example.com:25", target: "smtp", file: "mail.example.com"},
		{name: "a host that is called like a target", operand: "submission", address: "submission:25", target: "smtp", file: "submission"},
		{name: "a port", operand: "mail.example.com:587", address: "mail.example.com:587", target: "smtp", file: "mail.example.com"},
		{name: "the port that speaks TLS", operand: "mail.example.com:465", address: "mail.example.com:465", target: "smtp", tls: true, file: "mail.example.com"},
		{name: "--tls", flags: recordFlags{tls: true}, operand: "mail.example.com", address: "mail.example.com:25", target: "smtp", tls: true, file: "mail.example.com"},
		{name: "an address", operand: "[2001:db8::1]:2525", address: "[2001:db8::1]:2525", target: "smtp", file: "2001-db8--1"},
		{name: "a bare address", operand: "2001:db8::1", address: "[2001:db8::1]:25", target: "smtp", file: "2001-db8--1"},
		{name: "a socket", operand: "unix:/run/lmtp", address: "unix:/run/lmtp", target: "smtp", file: "lmtp"},
		{name: "a server by its flag", flags: recordFlags{connectionFlags: connectionFlags{server: "x"}}, targets: suite.Targets{Host: "mail.example.com", Port: "2525"},
			address: "mail.example.com:2525", target: "smtp", file: "mail.example.com"},
		{name: "a target of it", flags: recordFlags{connectionFlags: connectionFlags{server: "x"}}, targets: suite.Targets{Host: "mail.example.com"},
			operand: "submissions", address: "mail.example.com:465", target: "submissions", tls: true, file: "mail.example.com-submissions"},
		{name: "a host counts more than the environment's", targets: suite.Targets{Host: "elsewhere.example.com"},
			operand: "mail.example.com", address: "mail.example.com:25", target: "smtp", file: "mail.example.com"},
		{name: "a target of the environment's", targets: suite.Targets{Host: "mail.example.com"},
			operand: "lmtp", address: "mail.example.com:24", target: "lmtp", file: "mail.example.com-lmtp"},
		{name: "a target alone", targets: suite.Targets{Named: map[string]string{"local": "127.0.0.1:3"}}, operand: "local", address: "127.0.0.1:3", target: "local", file: "local"},
		{name: "the demo", flags: recordFlags{demo: true}, targets: suite.Targets{Named: demo}, address: "127.0.0.1:1", target: "smtp", file: "demo"},
		{name: "a target of it", flags: recordFlags{demo: true}, targets: suite.Targets{Named: demo}, operand: "submissions", address: "127.0.0.1:2", target: "submissions", tls: true, file: "demo-submissions"},
		{name: "nothing", fault: "no server was named"},
		{name: "only targets", targets: suite.Targets{Named: map[string]string{"local": "127.0.0.1:3"}}, fault: `the target "smtp" leads nowhere: known are local`},
		{name: "no host", operand: "smtp://mail", fault: `"smtp://mail" is no host name and no address`},
		{name: "two servers", flags: recordFlags{demo: true}, targets: suite.Targets{Named: demo}, operand: "mail.example.com", fault: `there is no target "mail.example.com", and the server is named already`},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := row.flags.peer(&suite.Env{Targets: row.targets}, row.operand)
			if row.fault != "" {
				var f *fault
				if !errors.As(err, &f) || f.status != exitUsage || f.msg != row.fault || f.hint == "" {
					t.Errorf("%v, want %s", err, row.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.address != row.address || p.options.Target != row.target || p.options.TLS != row.tls || p.file != row.file {
				t.Errorf("%s as %s, TLS %v, file %s", p.address, p.options.Target, p.options.TLS, p.file)
			}
		})
	}
}
