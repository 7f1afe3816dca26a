package dsl

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"smtplay/engine"
	"smtplay/engine/lab"
	"smtplay/engine/lab/daemon"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// postfix is a private Postfix, and a bench that leads to it.
func postfix(t *testing.T, o lab.Options) (*lab.Postfix, *bench) {
	t.Helper()
	p := labtest.Private(t, o)
	b := newBench(t, nil)
	pem, err := os.ReadFile(p.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	if b.env.Options.Security.CA, err = engine.LoadCA(pem, "the lab's CA"); err != nil {
		t.Fatal(err)
	}
	b.env.Options.Security.Name = lab.Hostname
	b.env.Targets.Named = map[string]string{}
	for _, name := range []string{"smtp", "submission", "submissions"} {
		b.env.Targets.Named[name] = p.Addr(name)
	}
	return p, b
}

// settings edits main.cf, after a file was put into the server's folder.
func settings(t *testing.T, p *lab.Postfix, mainCF map[string]string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(p.Dir(), name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err := p.Reconfigure(t.Context(), func(o *lab.Options) {
		for name, value := range mainCF {
			o.MainCF[name] = strings.ReplaceAll(value, "$dir", p.Dir())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Postfix asks for certificates of clients, and lets them in or not by their
// fingerprints and issuers.
func TestPostfixClientCertificates(t *testing.T) {
	t.Parallel()
	james := client(t, "james")
	root, between := authorities(t)
	jane, err := server.MakeCertificate(server.CertificateOptions{CommonName: "jane", Names: []string{}, Client: true, Issuer: between, Key: server.RSA2048})
	if err != nil {
		t.Fatal(err)
	}
	own, err := server.MakeCertificate(server.CertificateOptions{CommonName: "self", Names: []string{}, Client: true})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"james.pem": james.CertPEM, "james.key": james.KeyPEM, "jane.pem": jane.CertPEM, "jane.key": jane.KeyPEM, "self.pem": own.CertPEM, "self.key": own.KeyPEM}
	colons := func(sum string) string {
		var pairs []string
		for i := 0; i < len(sum); i += 2 {
			pairs = append(pairs, strings.ToUpper(sum[i:i+2]))
		}
		return strings.Join(pairs, ":")
	}
	access := map[string]string{
		"smtpd_tls_CAfile": "$dir/clients.pem", "smtpd_tls_fingerprint_digest": "sha256", "smtpd_tls_session_cache_database": "",
		"smtpd_relay_restrictions": "check_ccert_access texthash:$dir/ccerts, reject_unauth_destination",
	}
	table := colons(engine.Fingerprint(james.TLS.Leaf)) + " OK\n" + colons(engine.KeyFingerprint(jane.TLS.Leaf)) + " REJECT not jane\n"
	p, b := postfix(t, lab.Options{})
	with := func(more map[string]string) map[string]string {
		all := maps.Clone(access)
		maps.Copy(all, more)
		return all
	}
	relay := "; ehlo(); mail 'a@example.org'; rcpt('x@example.com', { expect = "
	for _, row := range []struct {
		reason, ask, demand string
		script              string
		want, got           string
	}{
		{"the one on the list may relay", "yes", "no", "ehlo(); starttls{ cert = 'james.pem', key = 'james.key' }; assert(tls().client_asked and tls().client_issuers[1] == 'CN=Scripted Root CA')" + relay + "250 })", "", ""},
		{"with TLS 1.2 too", "yes", "no", "ehlo(); starttls{ max_version = '1.2', cert = 'james.pem', key = 'james.key' }" + relay + "250 })", "", ""},
		{"the one who is refused by her key is named", "yes", "no", "ehlo(); starttls{ cert = 'jane.pem', key = 'jane.key' }" + relay + "'554 5.7.1 client certificate rejected: not jane' })", "", ""},
		{"one by another issuer is on no list", "yes", "no", "ehlo(); starttls{ cert = 'self.pem', key = 'self.key' }" + relay + "'554 5.7.1 relay access denied' })", "", ""},
		{"nobody is on no list", "yes", "no", "ehlo(); starttls(); assert(tls().client_asked and tls().client_sent == nil)" + relay + "'554 5.7.1 relay access denied' })", "", ""},
		{"a certificate that is not asked for does not help", "no", "no", "ehlo(); starttls{ cert = 'james.pem', key = 'james.key' }; assert(not tls().client_asked)" + relay + "'554 5.7.1 relay access denied' })", "", ""},
		{"demanded and given", "yes", "yes", "connect('submissions', { cert = 'james.pem', key = 'james.key' }); ehlo(); quit()", "", ""},
		{"demanded and not given", "yes", "yes", "connect 'submissions'\nexpect 220 --! failed: got 421 4.7.1 maila.example.com Error: No client certificate presented / the server wants a certificate of the client", "220", "421 4.7.1 maila.example.com Error: No client certificate presented"},
		{"demanded and not given, TLS 1.2", "yes", "yes", "connect('submissions', { max_version = '1.2' })\nehlo() --! failed: No client certificate presented / the server wants a certificate of the client", "220", "421 4.7.1 maila.example.com Error: No client certificate presented"},
		{"demanded, and of another issuer", "yes", "yes", "connect('submissions', { cert = 'self.pem', key = 'self.key' })\nexpect 220 --! failed: Client certificate not trusted / the server wants a certificate of the client, from an issuer that it trusts", "220", "421 4.7.1 maila.example.com Error: Client certificate not trusted"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			settings(t, p, with(map[string]string{"smtpd_tls_ask_ccert": row.ask, "smtpd_tls_req_ccert": row.demand, "smtpd_tls_mandatory_protocols": ">=TLSv1.2"}),
				map[string][]byte{"clients.pem": root.PEM(), "ccerts": []byte(table)})
			r := b.tryBeside(t, row.script, files)[0]
			checkVerdict(t, r, row.script)
			if f := r.Failure; f != nil && (f.Want != row.want || f.Got != row.got) {
				t.Errorf("wanted %q, got %q", f.Want, f.Got)
			}
		})
	}
}

// The suites of one's choice, at a real server.
func TestPostfixCiphers(t *testing.T) {
	t.Parallel()
	p, b := postfix(t, lab.Options{Certificate: lab.Certificate{Key: lab.RSA2048}})
	for _, row := range []struct {
		reason, list string
		script       string
	}{
		{"one of several", "", "ehlo(); starttls{ ciphers = { 'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-RSA-CHACHA20-POLY1305' } }; assert(tls().version == 'TLS1.2' and tls().cipher:match 'ECDHE_RSA')"},
		{"without forward secrecy, where it is allowed", "", "ehlo()\nstarttls{ ciphers = 'AES128-SHA', refused = true, timeout = '100ms' } --! failed: accepted a handshake that it should refuse: TLS1.2 TLS_RSA_WITH_AES_128_CBC_SHA"},
		{"without forward secrecy, where it is not", "ECDHE+AESGCM", "ehlo(); starttls{ ciphers = { 'AES128-SHA', 'AES256-SHA', 'AES128-GCM-SHA256' }, refused = 'handshake failure' }; connect(); ehlo(); starttls{ ciphers = 'ECDHE-RSA-AES128-GCM-SHA256' }"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			list := row.list
			if list == "" {
				list = "ALL"
			}
			settings(t, p, map[string]string{"smtpd_tls_ciphers": "medium", "tls_medium_cipherlist": list}, nil)
			checkVerdict(t, b.tryBeside(t, row.script, nil)[0], row.script)
		})
	}
}

// Postfix delivers to a listener of the script, tries again, and reports what was refused.
func TestPostfixBothEnds(t *testing.T) {
	t.Parallel()
	port, err := daemon.ReservePort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Close)
	mx := port.Addr
	p, b := postfix(t, lab.Options{Retry: time.Second, Outbound: []lab.Outbound{{Domain: "example.net", Address: mx}}})
	b.env.Targets.Named["mx"] = mx
	b.env.Secrets["password"] = lab.Password
	b.env.Vars = map[string]string{"user": lab.User, "log": p.LogFile(), "inbox": p.Maildir(lab.User)}
	b.env.Allow = suite.Permissions{Read: []string{p.LogFile(), p.Maildir(lab.User)}, Remove: []string{p.Maildir(lab.User)}}
	const script = `
local mx, id = listen "mx", unique()
connect "submission"; ehlo(); starttls(); ehlo(); auth("PLAIN", var "user", secret "password")
mail(var "user"); rcpt "b@example.net"; rcpt "nobody@example.net"
local r = data(message{ from = var "user", to = "b@example.net", subject = id }); quit()
local got = mx:take{ rcpt = { ["b@example.net"] = "451 4.7.1 come back", ["nobody@example.net"] = "550 5.1.1 no such user" } }
got:expect{ from = var "user", rejected = { ["b@example.net"] = { text = "come back" } }, tls = true }
local e = log(var "log"):expect{ queue_id = r.queue_id, to = "b@example.net", status = "deferred", dsn = "4.7.1" }
assert(e.relay:find(mx.port, 1, true))
mx:take():expect{ to = "b@example.net", subject = id, header = { Received = true } }
log(var "log"):expect{ queue_id = r.queue_id, to = "b@example.net", status = "sent" }
maildir(var "inbox"):expect{ from = "", report = { Action = "failed", Status = "5.1.1", ["Final-Recipient"] = { text = "nobody@example.net" } } }:remove()
maildir(var "inbox"):expect{ from = "", report = { Action = "failed" }, within = "30ms" } --! failed: no message came`
	checkVerdict(t, b.try(t, script)[0], script)
}
