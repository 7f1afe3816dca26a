package dsl

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"

	"smtplay/engine/lab"
	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// rejecting is a listener whose refusal of RCPT names the client that it sees.
func rejecting(name string, settings ...string) lab.Listener {
	return lab.Listener{Name: name, Settings: append([]string{"smtpd_client_restrictions=reject", "smtpd_peername_lookup=no", "smtpd_client_port_logging=yes"}, settings...)}
}

// A real Postfix sees the client that a PROXY header names.
func TestPostfixProxy(t *testing.T) {
	t.Parallel()
	haproxy := "smtpd_upstream_proxy_protocol=haproxy"
	six := rejecting("six", haproxy)
	six.Family = lab.IPv6
	p, b := postfix(t, lab.Options{Listeners: []lab.Listener{
		rejecting("proxy", haproxy), rejecting("plain"), rejecting("wrapped", haproxy, "smtpd_tls_wrappermode=yes", "smtpd_tls_security_level=encrypt"), six,
	}})
	for _, name := range []string{"proxy", "plain", "wrapped", "six"} {
		b.env.Targets.Named[name] = p.Addr(name)
	}
	const refused = "; ehlo(); mail 'a@example.org'; rcpt('james@new.example.com', { expect = "
	for _, row := range []struct{ reason, script, shown string }{
		{"version 2 unless it says", "connect('proxy', { proxy = { source = '203.0.113.7:4711' } })" + refused + "'554 5.7.1 <unknown[203.0.113.7]:4711>: client host rejected' })", ""},
		{"version 1", "connect('proxy', { proxy = { source = '203.0.113.8:4712', version = 1 } })" + refused + "'554 5.7.1 <unknown[203.0.113.8]:4712>: client host rejected' })", ""},
		{"written as one table", "connect{ 'proxy', proxy = { source = '203.0.113.7:4711' } }" + refused + "'554 5.7.1 <unknown[203.0.113.7]:4711>' })", ""},
		{"a destination", "connect('proxy', { proxy = { source = '203.0.113.7:1', destination = '192.0.2.25:25', version = 1 } })" + refused + "'554 5.7.1 <unknown[203.0.113.7]:1>' })", ""},
		{"IPv6, version 2", "connect('proxy', { proxy = { source = '[2001:db8::7]:4713', destination = '[2001:db8::25]:25' } })" + refused + "'554 5.7.1 <unknown[2001:db8::7]:4713>' })", ""},
		{"IPv6, version 1", "connect('proxy', { proxy = { source = '[2001:db8::7]:4714', destination = '[2001:db8::25]:25', version = 1 } })" + refused + "'554 5.7.1 <unknown[2001:db8::7]:4714>' })", ""},
		{"IPv6 to a server that is reached over IPv4", "connect('proxy', { proxy = { source = '[2001:db8::7]:4715' } })" + refused + "'554 5.7.1 <unknown[2001:db8::7]:4715>' })", ""},
		{"likewise, version 1", "connect('proxy', { proxy = { source = '[2001:db8::7]:4716', version = 1 } })" + refused + "'554 5.7.1 <unknown[2001:db8::7]:4716>' })", ""},
		{"over IPv6", "connect('six', { proxy = { source = '[2001:db8::9]:4717' } })" + refused + "'554 5.7.1 <unknown[2001:db8::9]:4717>' })", ""},
		{"IPv4 to a server that is reached over IPv6", "connect('six', { proxy = { source = '203.0.113.9:4718' } })" + refused + "'554 5.7.1 <unknown[203.0.113.9]:4718>' })", ""},
		{"a port that is missing is ours", "connect('proxy', { proxy = { source = '203.0.113.10' } })" + refused + "{ '554 5.7.1', match = [[<unknown\\[203\\.0\\.113\\.10\\]:[1-9]\\d+>]] } })", ""},
		{"before TLS from the first byte", "connect('wrapped', { tls = true, proxy = { source = '203.0.113.11:4719' } })" + refused + "'554 5.7.1 <unknown[203.0.113.11]:4719>' })", ""},
		{"the name for EHLO is that of the client", "connect('proxy', { helo = '', proxy = { source = '203.0.113.12:4720' } }); ehlo(); assert(true)", "C: EHLO [203.0.113.12]\n"},
		{"none where the port wants one", "connect('proxy', { timeout = '10s' })\nexpect 220 --! failed: 421 4.3.0 maila.example.com Server local error / the server has a fault of its own, or waits for a PROXY header that did not come", ""},
		{"version 1 to a port that speaks none: the greeting is not all", "connect('plain', { proxy = { source = '203.0.113.7:4711', version = 1 } }); expect 220\nexpect_silence '50ms' --! failed: the server spoke", ""},
		{"version 1, the answer is not taken for that to EHLO", "connect('plain', { proxy = { source = '203.0.113.7:4711', version = 1 } }); expect 220; attempt(function() expect_silence '100ms' end)\nsend 'ehlo x' --! failed: / a PROXY header was sent first, and a server that does not speak the PROXY protocol takes it for commands", ""},
		{"version 2 to a port that speaks none", "connect('plain', { proxy = { source = '203.0.113.7:4711' } }); expect 220; attempt(function() expect_silence '100ms' end)\nehlo() --! failed: / a PROXY header was sent first", ""},
		{"a greeting alone is no pass, version 1", "connect('plain', { proxy = { source = '203.0.113.7:4711', version = 1 } })\nexpect 220 --! failed: / a PROXY header was sent first", ""},
		{"a greeting alone is no pass, version 2", "connect('plain', { proxy = { source = '203.0.113.7:4711' } })\nexpect 220 --! failed: / a PROXY header was sent first", ""},
		{"nor with a QUIT by hand", "connect('plain', { proxy = { source = '203.0.113.7:4711', version = 1 } }); expect 220\nsend 'quit' --! failed: / a PROXY header was sent first", ""},
		{"to TLS from the first byte that speaks none", "connect('submissions', { proxy = { source = '203.0.113.7:4711' } }) --! failed: / a PROXY header was sent first", ""},
	} {
		t.Run(row.reason, func(t *testing.T) {
			b.env.Helo = "client.example.org"
			if strings.Contains(row.script, "helo = ''") {
				b.env.Helo = ""
			}
			r := b.try(t, row.script)[0]
			if strings.Contains(row.script, "--! failed: / ") {
				if r.Outcome != suite.Failed || !strings.HasPrefix(r.Failure.Hint, strings.SplitN(row.script, "--! failed: / ", 2)[1]) {
					t.Errorf("%v %v %q\n%s", r.Outcome, r.Failure, r.Failure.Hint, transcriptOf(r))
				}
			} else {
				checkVerdict(t, r, row.script)
			}
			if strings.Contains(row.script, "proxy =") && !strings.Contains(transcriptOf(r), "* note PROXY protocol, version ") {
				t.Errorf("not noted:\n%s", transcriptOf(r))
			}
			if !strings.Contains(transcriptOf(r), row.shown) {
				t.Errorf("%q is not in\n%s", row.shown, transcriptOf(r))
			}
		})
	}
}

// The header is what the library's own reader reads, and the first bytes there are.
func TestProxyHeader(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	peer := server.Start(t, func(s *server.Session) {
		_ = s.Reply("220 ready")
		_, _ = io.Copy(&got, s.Conn())
	})
	for i, row := range []struct{ options, source, destination, first string }{
		{"source = '203.0.113.7:4711', version = 1", "203.0.113.7:4711", "127.0.0.1:PORT", "PROXY TCP4 203.0.113.7 127.0.0.1 4711 PORT\r\n"},
		{"source = '203.0.113.7:4711'", "203.0.113.7:4711", "127.0.0.1:PORT", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"},
		{"source = '2001:db8::7', destination = '[2001:db8::1]:25', version = 2", "[2001:db8::7]:", "[2001:db8::1]:25", "\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24"},
	} {
		got.Reset()
		b := newBench(t, nil)
		b.env.Targets.Named = map[string]string{"smtp": peer.Addr()}
		r := b.try(t, "connect{ proxy = { "+row.options+" } }; expect 220; raw 'noop\\r\\n'; close()")[0]
		if r.Outcome != suite.Passed {
			t.Fatalf("%v", r.Failure)
		}
		if err := peer.Wait(t.Context(), i+1); err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(peer.Addr())
		first, to := strings.ReplaceAll(row.first, "PORT", port), strings.ReplaceAll(row.destination, "PORT", port)
		if !bytes.HasPrefix(got.Bytes(), []byte(first)) || !bytes.HasSuffix(got.Bytes(), []byte("noop\r\n")) {
			t.Errorf("%s: %q", row.options, got.Bytes())
		}
		header, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(got.Bytes())))
		if err != nil || !strings.HasPrefix(header.SourceAddr.String(), row.source) || header.DestinationAddr.String() != to {
			t.Errorf("%s: %v %v", row.options, header, err)
		}
	}
}

// What cannot be right in a PROXY header is found before anything is sent.
func TestProxyMisspelt(t *testing.T) {
	t.Parallel()
	for options, want := range map[string]string{
		"{}":                                          "proxy needs a source",
		"'203.0.113.7:4711'":                          "proxy is a table",
		"{ '203.0.113.7:4711' }":                      "proxy is a table",
		"{ sauce = '203.0.113.7' }":                   `did you mean "source"`,
		"{ source = 'mail.example.com:25' }":          `the source "mail.example.com:25" of proxy is no IP address`,
		"{ source = '203.0.113.7:70000' }":            "no IP address and port",
		"{ source = '203.0.113.7:0' }":                "port 0",
		"{ source = 'fe80::1%eth0' }":                 "no IP address",
		"{ source = '203.0.113.7:1', version = 3 }":   "versions 1 and 2, not 3",
		"{ source = '203.0.113.7:1', version = '2' }": "number 1 or 2",
		"{ source = '203.0.113.7:1', destination = '[2001:db8::1]:25' }": "is IPv4 and its destination IPv6",
		"{ source = '203.0.113.7:1', destination = '192.0.2.1' }":        "lacks its port",
		"{ source = '203.0.113.7:1', destination = '' }":                 "is empty",
	} {
		script := "local c = connect{ proxy = " + options + " }; c:expect 220"
		if _, problems := Compile("t.lua", []byte(script)); problems.Err() == nil || !strings.Contains(problems.Err().Error(), want) {
			t.Errorf("%s: %v, want %s", options, problems, want)
		}
		r := one(t, polite(nil), "local options = { proxy = "+options+" }; local function it(o) connect(o) end; it(options)")
		if r.Outcome != suite.Errored || !strings.Contains(r.Failure.What, want) {
			t.Errorf("when it runs, %s: %v %v, want %s", options, r.Outcome, r.Failure, want)
		}
	}
}

// policy is a policy service of Postfix's that refuses every recipient and says
// in the reply what it was told of the client, and which attributes it is asked
// about.
func policy(t *testing.T, attributes ...string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				told := map[string]string{}
				for lines := bufio.NewScanner(nc); lines.Scan(); {
					if name, value, ok := strings.Cut(lines.Text(), "="); ok {
						told[name] = value
						continue
					}
					say := ""
					for _, a := range attributes {
						say += " " + a + "=" + told[a]
					}
					_, _ = io.WriteString(nc, "action=554 5.7.1"+say+"\n\n")
				}
			}()
		}
	}()
	return l.Addr().String()
}

// Every attribute of XCLIENT reaches a real Postfix, as its policy services see.
func TestPostfixXclient(t *testing.T) {
	t.Parallel()
	asks := policy(t, "client_address", "client_name", "reverse_client_name", "client_port", "helo_name", "protocol_name", "sasl_username", "server_address", "server_port")
	p, b := postfix(t, lab.Options{MainCF: map[string]string{"inet_protocols": "all"}, Listeners: []lab.Listener{
		{Name: "asks", Settings: []string{"smtpd_authorized_xclient_hosts=127.0.0.0/8", "smtpd_recipient_restrictions=check_policy_service inet:" + asks + ",reject_unauth_destination", "smtpd_relay_restrictions=", "smtpd_tls_auth_only=no"}},
		{Name: "users", Settings: []string{"smtpd_authorized_xclient_hosts=127.0.0.0/8", "smtpd_tls_auth_only=no", "smtpd_relay_restrictions=permit_sasl_authenticated,reject_unauth_destination"}},
	}})
	b.env.Targets.Named["asks"], b.env.Targets.Named["users"] = p.Addr("asks"), p.Addr("users")
	for _, row := range []struct{ reason, script string }{
		{"an address alone: the name is not known", "xclient{ addr = '203.0.113.7' }; seen = 'client_address=203.0.113.7 client_name=unknown reverse_client_name=unknown '"},
		{"a name, which is that of the way back too", "xclient{ addr = '203.0.113.7', name = 'mail.example.net' }; seen = 'client_address=203.0.113.7 client_name=mail.example.net reverse_client_name=mail.example.net '"},
		{"a name that the way back does not confirm", "xclient{ addr = '203.0.113.7', reverse_name = 'mail.example.net' }; seen = 'client_address=203.0.113.7 client_name=unknown reverse_client_name=mail.example.net '"},
		{"IPv6 gets its prefix", "xclient{ addr = '2001:db8::7', port = 4711 }; seen = 'client_address=2001:db8::7 client_name=unknown reverse_client_name=unknown client_port=4711 '"},
		{"IPv6 in brackets", "xclient{ addr = '[2001:db8::7]' }; seen = 'client_address=2001:db8::7 '"},
		{"IPv6 with its prefix", "xclient{ addr = 'IPV6:2001:db8::7' }; seen = 'client_address=2001:db8::7 '"},
		{"the server's end", "xclient{ addr = '203.0.113.7', destaddr = '192.0.2.25', destport = 25 }; seen = 'server_address=192.0.2.25 server_port=25'"},
		{"the server's end, IPv6", "xclient{ addr = '2001:db8::7', destaddr = '2001:db8::25', destport = '2525' }; seen = 'server_address=2001:db8::25 server_port=2525'"},
		{"a login", "xclient{ addr = '203.0.113.7', login = 'james@new.example.com' }; seen = 'sasl_username=james@new.example.com '"},
		{"what would not stand in a command goes as xtext", "xclient{ addr = '203.0.113.7', login = 'a+b=c d' }; seen = 'sasl_username=a+b=c d '"},
		{"the HELO before a new EHLO", "xclient{ addr = '203.0.113.7', helo = 'helo.example.net', proto = 'SMTP' }; hello = 'none'; seen = 'helo_name=helo.example.net protocol_name=SMTP '"},
		{"the protocol", "xclient{ addr = '203.0.113.7', helo = 'helo.example.net', proto = 'ESMTP' }; hello = 'none'; seen = 'helo_name=helo.example.net protocol_name=ESMTP '"},
		{"a name that cannot be found now", "xclient{ addr = '203.0.113.7', name = '[TEMPUNAVAIL]' }; seen = 'client_name=unknown '"},
		{"twice, where the first client may too", "xclient{ addr = '127.0.0.9' }; ehlo(); xclient{ addr = '203.0.113.8' }; seen = 'client_address=203.0.113.8 '"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			script := "local hello, seen; connect 'asks'; ehlo(); " + row.script + "; if hello == nil then ehlo() end; mail 'a@example.org'; rcpt('b@example.org', { expect = { '554 5.7.1', text = seen } })"
			checkVerdict(t, b.try(t, script)[0], script)
		})
	}
	for _, row := range []struct{ reason, script string }{
		{"a login may relay", "connect 'users'; ehlo(); xclient{ addr = '203.0.113.7', login = 'james@new.example.com' }; ehlo(); mail 'a@example.org'; rcpt 'b@example.net'"},
		{"another may not", "connect 'users'; ehlo(); xclient{ addr = '203.0.113.7' }; ehlo(); mail 'a@example.org'; rcpt('b@example.net', { expect = '554 5.7.1 relay access denied' })"},
		{"capabilities are forgotten", "connect 'users'; ehlo(); xclient{ addr = '203.0.113.7' }\nexpect_capability 'SIZE' --! failed: not known: no EHLO has been answered"},
		{"a second XCLIENT needs an EHLO as well", "connect 'users'; ehlo(); xclient{ addr = '203.0.113.7' }\nxclient{ addr = '203.0.113.8' } --! failed: not known: no EHLO has been answered"},
		{"the answer is a greeting", "connect 'users'; ehlo(); local r = xclient{ addr = '203.0.113.7' }; assert(r.code == 220 and r.text:find 'ESMTP')"},
		{"what is no address is refused by the server", "connect 'users'; ehlo()\nxclient{ addr = 'nowhere' } --! failed: got 501 5.5.4"},
		{"a client that may not be another is not offered it", "connect 'users'; ehlo(); xclient{ addr = '203.0.113.7' }; ehlo(); expect_no_capability 'XCLIENT'"},
		{"where it is not offered", "connect 'smtp'; ehlo()\nxclient{ addr = '203.0.113.7' } --! failed: XCLIENT is not offered: nothing was sent"},
	} {
		t.Run(row.reason, func(t *testing.T) { checkVerdict(t, b.try(t, row.script)[0], row.script) })
	}
}

// behind takes a PROXY header for a command, and is a reply behind its client:
// what somebody sees who is far away.
func behind(s *server.Session) {
	_ = s.Reply("220 ready")
	next := "502 5.5.2 Command not recognized"
	for _, _ = s.ReadLine(); s.Err() == nil; next = "250 Ok" {
		line, err := s.ReadLine()
		if err != nil {
			return
		}
		_ = s.Reply(next)
		if strings.EqualFold(line, "quit") {
			_ = s.Reply("221 bye")
			return
		}
	}
}

// What answers a header that was not understood is no refusal of the client that
// it names.
func TestProxyTakenForRefusal(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.env.Targets.Named = map[string]string{"smtp": server.Start(t, behind).Addr()}
	for _, rest := range []string{
		"expect 220; send 'helo localhost'; expect '5xx'",
		"expect 220; send 'helo localhost'; expect '5xx'; send 'quit'",
		"helo('localhost', { expect = '5xx' })",
	} {
		r := b.try(t, "connect{ proxy = { source = '203.0.113.7:4711', version = 1 } }; "+rest)[0]
		if r.Outcome != suite.Failed || !strings.HasPrefix(r.Failure.Hint, "a PROXY header was sent first") {
			t.Errorf("%s: %v %v\n%s", rest, r.Outcome, r.Failure, transcriptOf(r))
		}
	}
}
