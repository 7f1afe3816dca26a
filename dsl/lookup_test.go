package dsl

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"smtplay/engine/resolver"
	"smtplay/engine/resolver/resolvertest"
	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// twoHosts is the server's port: on 127.0.0.1 it listens, on 127.0.0.2 nobody does.
func twoHosts(t *testing.T, b *bench) (port string) {
	t.Helper()
	_, port, _ = net.SplitHostPort(b.server.Addr())
	return port
}

// A connect finds the host that takes mail for a domain, as RFC 5321 5.1 says.
func TestConnectMX(t *testing.T) {
	t.Parallel()
	b := newBench(t, polite(nil))
	port := twoHosts(t, b)
	dns, _ := resolvertest.Zone(t,
		"example.com. MX 20 mail.example.com.", "mail.example.com. A 127.0.0.1",
		"next.example. MX 10 down.example.", "next.example. MX 20 mail.example.com.", "down.example. A 127.0.0.2",
		"several.example. MX 10 dual.example.", "dual.example. A 127.0.0.2", "dual.example. A 127.0.0.1",
		"plain.example. A 127.0.0.1",
		"null.example. MX 0 .",
		"down.example. MX 10 down.example.",
		"lost.example. MX 10 nowhere.example.",
		"numbers.example. MX 10 127.0.0.1.",
		"text.example. TXT hello",
	)
	b.env.Options.Resolver = &resolver.Resolver{Server: dns}
	for _, row := range []struct{ reason, script, shown string }{
		{"its MX", "connect{ mx = 'example.com:PORT' }; ehlo(); quit()", "* connect 127.0.0.1:PORT\n* note mail.example.com is MX of example.com, preference 20\n"},
		{"a resolver of its own", "connect{ mx = 'example.com:PORT', resolver = '" + dns + "' }; ehlo()", "mail.example.com is MX"},
		{"the next where the first cannot be reached", "connect{ mx = 'next.example:PORT' }; ehlo()", "* note mail.example.com is MX 2 of 2 of next.example, preference 20; no connection to down.example (connect: connection refused)\n"},
		{"each address of a host", "connect{ mx = 'several.example:PORT' }; ehlo()", "* connect 127.0.0.1:PORT\n* note dual.example is MX of several.example"},
		{"no MX: the domain itself", "connect{ mx = 'plain.example:PORT' }; ehlo()", "* note plain.example is the domain itself, which has no MX record (RFC 5321 5.1)\n"},
		{"a null MX", "connect{ mx = 'null.example:PORT' } --! error: null.example takes no mail: its MX is \".\", a null MX (RFC 7505)", ""},
		{"none can be reached", "connect{ mx = 'down.example:PORT' } --! error: no connection to any MX host of down.example: down.example (connect: connection refused)", ""},
		{"a host without address", "connect{ mx = 'lost.example:PORT' } --! error: nowhere.example (the DNS has no nowhere.example)", ""},
		{"an address as MX", "connect{ mx = 'numbers.example:PORT' } --! error: 127.0.0.1 (an address, where RFC 5321 5.1 wants the name of a host)", ""},
		{"neither MX nor address", "connect{ mx = 'text.example:PORT' } --! error: text.example (the DNS has no address for text.example)", ""},
		{"no such domain", "connect{ mx = 'missing.example:PORT' } --! error: the DNS has no missing.example", ""},
		{"after no connection there is no conversation", "attempt(function() connect{ mx = 'null.example' } end)\nehlo() --! failed: there is no conversation: the connect before made none", ""},
		{"a PROXY header goes to it too", "connect{ mx = 'example.com:PORT', proxy = { source = '203.0.113.7:1', version = 1 } }; expect 220\nsend 'noop' --! failed: nothing asked for", "* note PROXY protocol, version 1"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			script := strings.ReplaceAll(row.script, "PORT", port)
			r := b.try(t, script)[0]
			if strings.Contains(row.reason, "PROXY") {
				if r.Outcome != suite.Failed {
					t.Errorf("%v", r.Outcome)
				}
			} else {
				checkVerdict(t, r, script)
			}
			if shown := strings.ReplaceAll(row.shown, "PORT", port); !strings.Contains(transcriptOf(r), shown) {
				t.Errorf("%q is not in\n%s", shown, transcriptOf(r))
			}
		})
	}
}

// The certificate must be that of the host, not of the domain, nor of --tls-name.
func TestConnectMXCertificate(t *testing.T) {
	t.Parallel()
	ca, err := server.MakeCA(server.AuthorityOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := server.MakeCertificate(server.CertificateOptions{Names: []string{"mail.example.com"}, Issuer: ca})
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, server.Polite{Domain: "mail.example.com", TLS: cert.ServerConfig()}.Serve)
	dns, _ := resolvertest.Zone(t, "example.com. MX 20 mail.example.com.", "mail.example.com. A 127.0.0.1", "other.example. MX 1 host.other.example.", "host.other.example. A 127.0.0.1")
	b.env.Options.Resolver = &resolver.Resolver{Server: dns}
	b.env.Options.Security.CA = ca.Pool()
	b.env.Options.Security.Name = "elsewhere.example"
	for _, script := range []string{
		"connect{ mx = 'example.com:PORT' }; ehlo(); starttls(); assert(tls().name == 'mail.example.com')",
		"connect{ mx = 'other.example:PORT' }; ehlo()\nstarttls() --! failed: not for host.other.example",
	} {
		script = strings.ReplaceAll(script, "PORT", twoHosts(t, b))
		checkVerdict(t, b.try(t, script)[0], script)
	}
}

// Each address of a host has its conversation, or its test.
func TestAddresses(t *testing.T) {
	t.Parallel()
	b := newBench(t, polite(nil))
	port := twoHosts(t, b)
	dns, asked := resolvertest.Zone(t, "dual.example. A 127.0.0.1", "dual.example. A 127.0.0.2", "one.example. A 127.0.0.1", "none.example. TXT no", "six.example. AAAA ::1", "six.example. A 127.0.0.1")
	b.env.Options.Resolver = &resolver.Resolver{Server: dns}
	b.env.Targets.Named["one"], b.env.Targets.Named["dual"] = "one.example:"+port, "dual.example:"+port
	b.env.Targets.Named["socket"] = "unix:" + filepath.Join(t.TempDir(), "s")
	for _, row := range []struct{ reason, script string }{
		{"a target", "local all = addresses 'dual'; assert(#all == 2 and all[1] == '127.0.0.1:PORT' and all[2] == '127.0.0.2:PORT'); connect('dual', { address = all[1] }); ehlo()"},
		{"IPv6 first", "local all = addresses 'six.example:PORT'; assert(all[1] == '[::1]:PORT' and all[2] == '127.0.0.1:PORT'); expect 220"},
		{"the name of a host", "local all = addresses 'one.example'; assert(all[1] == '127.0.0.1:25'); connect('one', { address = all[1] }); ehlo()"},
		{"an address alone, the port is the target's", "connect('one', { address = '127.0.0.1' }); ehlo()"},
		{"it counts, whatever the target says", "connect('127.0.0.2:PORT', { address = '127.0.0.1' }); ehlo()"},
		{"each is reached, or is said not to be", "for _, a in ipairs(addresses 'dual') do\nconnect('dual', { address = a }) --! error: no connection to dual.example:PORT at 127.0.0.2\nehlo(); quit() end"},
		{"none", "addresses 'none.example' --! error: no address of none.example: the DNS has no address for none.example"},
		{"no such name", "addresses 'missing.example:25' --! error: no address of missing.example: the DNS has no missing.example"},
		{"no address at all", "addresses 'socket' --! error: has no IP address"},
		{"an address of what has none", "connect('socket', { address = '127.0.0.1' }) --! error: has no IP address"},
		{"a resolver of its own", "assert(#addresses('dual.example', { resolver = '" + dns + "' }) == 2); expect 220"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			script := strings.ReplaceAll(row.script, "PORT", port)
			r := b.try(t, script)[0]
			checkVerdict(t, r, script)
			if strings.HasPrefix(row.reason, "it counts") && !strings.HasPrefix(transcriptOf(r), "* connect 127.0.0.1:"+port+"\n") {
				t.Errorf("not where it led:\n%s", transcriptOf(r))
			}
		})
	}

	before := asked()
	b.env.Options.Resolver = &resolver.Resolver{Server: dns}
	results := b.try(t, "for _, a in ipairs(addresses 'dual') do test('at ' .. a, function()\nconnect('dual', { address = a }); ehlo() end) end")
	if len(results) != 2 || results[0].Outcome != suite.Passed || results[1].Outcome != suite.Errored || !strings.HasPrefix(results[1].Test.String(), "t.lua: at 127.0.0.2:"+port) {
		t.Errorf("%v", results)
	}
	if n := asked() - before; n > 4 { // two to list the tests, two for the dials by name, if any
		t.Errorf("asked %d times", n)
	}
	results = b.try(t, "for _, a in ipairs(addresses 'missing.example') do\ntest('at ' .. a, function() end) end")
	if len(results) != 1 || results[0].Outcome != suite.Errored || !strings.Contains(results[0].Failure.What, "the DNS has no missing.example") || results[0].Failure.Pos.Line != 1 {
		t.Errorf("%v", results)
	}
}

// What cannot be right in a connect is found before anything is sent.
func TestReachMisspelt(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]string{
		"connect('smtp', { mx = 'example.com' })":              "a target or mx, not both",
		"connect{ mx = 'user@example.com' }":                   "what stands behind the @",
		"connect{ mx = '192.0.2.1' }":                          "is an address, and mx is a domain",
		"connect{ mx = '[2001:db8::1]' }":                      "is an address, and mx is a domain",
		"connect{ mx = 'example.com:0' }":                      "ports go from 1 to 65535",
		"connect{ mx = 'a b' }":                                "is no domain",
		"connect{ mx = '' }":                                   "is no domain",
		"connect{ mx = 'example.com', address = '192.0.2.1' }": "mx or address, not both",
		"connect('smtp', { address = 'mail.example.com' })":    "address is an IP address",
		"connect('smtp', { resolver = 'dns.example.com' })":    "is no resolver",
		"addresses('smtp', { resolver = 'dns.example.com' })":  "is no resolver",
		"connect('smtp', { resolve = '127.0.0.1' })":           `did you mean "resolver"`,
	} {
		if _, problems := Compile("t.lua", []byte(call)); problems.Err() == nil || !strings.Contains(problems.Err().Error(), want) {
			t.Errorf("%s: %v, want %s", call, problems, want)
		}
	}
	script, problems := Compile("t.lua", []byte("connect{ mx = 'example.com' }; expect 220"))
	if problems.Err() != nil {
		t.Fatal(problems)
	}
	if needs := script.Needs(); needs.Default || len(needs.Targets) != 0 {
		t.Errorf("mx needs no target: %+v", needs)
	}
}
