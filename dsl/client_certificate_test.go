package dsl

import (
	"crypto/tls"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"smtplay/engine/server"
)

// client is a certificate of a client's by the lower CA.
func client(t *testing.T, name string) *server.Certificate {
	t.Helper()
	_, between := authorities(t)
	made, err := server.MakeCertificate(server.CertificateOptions{CommonName: name, Names: []string{}, Client: true, Issuer: between})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// asking is a server that asks for a certificate of the client's.
func asking(t *testing.T, how tls.ClientAuthType) func(*server.Polite) {
	root, _ := authorities(t)
	return func(p *server.Polite) { p.TLS.ClientAuth, p.TLS.ClientCAs = how, root.Pool() }
}

// A certificate of the client's is sent where it is asked for, and both sides
// are said where it is not liked.
func TestClientCertificate(t *testing.T) {
	james := client(t, "james")
	own, err := server.MakeCertificate(server.CertificateOptions{CommonName: "self", Names: []string{}, Client: true})
	if err != nil {
		t.Fatal(err)
	}
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("SECRET")})
	files := map[string][]byte{"james.pem": james.CertPEM, "james.key": james.KeyPEM, "both.pem": slices.Concat(james.KeyPEM, james.CertPEM), "self.pem": own.CertPEM, "keys/self.key": own.KeyPEM,
		"none.pem": []byte("SECRET"), "encrypted.key": encrypted}
	pair := "cert = 'james.pem', key = 'james.key'"
	for _, c := range []struct {
		reason    string
		how       tls.ClientAuthType
		script    string
		want, got string
	}{
		{"asked for and given", tls.RequireAndVerifyClientCert, "ehlo(); starttls{ " + pair + " }; ehlo(); assert(tls().client_asked and tls().client_sent.cn == 'james' and tls().client_issuers[1] == 'CN=Scripted Root CA')", "", ""},
		{"with TLS 1.2", tls.RequireAndVerifyClientCert, "ehlo(); starttls{ max_version = '1.2', " + pair + " }; ehlo(); assert(tls().client_sent.cn == 'james')", "", ""},
		{"key and certificate in one file", tls.RequireAndVerifyClientCert, "ehlo(); starttls{ cert = 'both.pem' }; ehlo()", "", ""},
		{"as PEM text", tls.RequireAndVerifyClientCert, "ehlo(); starttls{ cert = file 'james.pem', key = secret 'key' }; ehlo(); assert(tls().client_sent.cn == 'james')", "", ""},
		{"given to connect, for a later starttls", tls.RequireAndVerifyClientCert, "connect('smtp', { " + pair + " }); ehlo(); starttls(); ehlo()", "", ""},
		{"asked for, not demanded, not given", tls.RequestClientCert, "ehlo(); starttls(); ehlo(); assert(tls().client_asked and tls().client_sent == nil)", "", ""},
		{"given, not asked for", tls.NoClientCert, "ehlo(); starttls{ " + pair + " }; ehlo(); assert(not tls().client_asked and tls().client_sent == nil)", "", ""},
		{"demanded and not given", tls.RequireAndVerifyClientCert, "ehlo(); starttls()\nehlo() --! failed: remote error: tls: certificate required", "a certificate of the client, issued by CN=Scripted Root CA", "none"},
		{"demanded and not given, TLS 1.2", tls.RequireAndVerifyClientCert, "ehlo()\nstarttls{ max_version = '1.2' } --! failed: the server refused the TLS handshake", "a certificate of the client, issued by CN=Scripted Root CA", "none"},
		{"by the wrong issuer", tls.RequireAndVerifyClientCert, "ehlo(); starttls{ cert = 'self.pem', key = 'keys/self.key' }\nehlo() --! failed: remote error: tls: ", "a certificate of the client, issued by CN=Scripted Root CA", "CN=self, issued by CN=self"},
		{"hung up on, without a word", tls.RequestClientCert, "connect('smtp', { tls = true, " + pair + " })\nehlo() --! failed: the server closed the connection, without a word after a handshake in which it asked for a certificate of the client / the server wants", "a certificate of the client, issued by CN=Scripted Root CA", "CN=james, issued by CN=Scripted Intermediate CA"},
		{"refused, as it should be", tls.RequireAndVerifyClientCert, "ehlo(); starttls{ refused = 'certificate required' }", "", ""},
		{"accepted, where it should be refused", tls.RequestClientCert, "ehlo()\nstarttls{ refused = 'certificate required', timeout = '50ms' } --! failed: accepted a handshake that it should refuse", "", ""},
		{"a key of another", tls.RequestClientCert, "ehlo()\nlocal k = secret 'other'; starttls{ cert = 'james.pem', key = k } --! error: cert: the key of the text given as key is not that of the certificate in james.pem (CN=james)", "", ""},
		{"a file that is computed, and none", tls.RequestClientCert, "ehlo()\nlocal f = 'none.pem'; starttls{ cert = f } --! error: none.pem holds no certificate in PEM form", "", ""},
		{"a file above the script's folder, and none", tls.RequestClientCert, "ehlo()\nlocal f = '../none/james.pem'; starttls{ cert = f } --! error: cert: file \"../none/james.pem\": ", "", ""},
		{"a key that is computed, and encrypted", tls.RequestClientCert, "ehlo()\nlocal f = 'encrypted.key'; starttls{ cert = 'james.pem', key = f } --! error: the key of encrypted.key is encrypted", "", ""},
		{"an empty key", tls.RequestClientCert, "ehlo()\nlocal f = ''; starttls{ cert = 'james.pem', key = f } --! error: key of starttls is empty", "", ""},
		{"an empty certificate", tls.RequestClientCert, "ehlo()\nlocal f = ''; starttls{ cert = f, key = 'james.key' } --! error: cert is not given, or empty", "", ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			b, cert := issued(t, server.CertificateOptions{}, asking(t, c.how))
			if strings.Contains(c.script, "tls = true") {
				conf := cert.ServerConfig()
				asking(t, c.how)(&server.Polite{TLS: conf})
				b.env.Targets.Named["smtp"] = server.Start(t, func(s *server.Session) { s.StartTLS(conf) }).Addr()
			}
			b.env.Secrets["key"], b.env.Secrets["other"] = string(james.KeyPEM), string(otherKey(t))
			b.env.Redact.Add("key", string(james.KeyPEM))
			r := b.tryBeside(t, c.script, files)[0]
			checkVerdict(t, r, c.script)
			shown := transcriptOf(r)
			if f := r.Failure; f != nil {
				shown += f.What + f.Source + f.Got + f.Want
				if !strings.Contains(f.Want, c.want) || !strings.Contains(f.Got, c.got) {
					t.Errorf("wanted %s, got %s", f.Want, f.Got)
				}
			}
			if strings.Contains(shown, "SECRET") {
				t.Errorf("quotes a file:\n%s", shown)
			}
			note := "the server asked for a certificate of the client, "
			if c.how == tls.NoClientCert {
				note = "the server asked for no certificate of the client: CN=james was not sent"
			}
			if !strings.Contains(c.script, "! error") && !strings.Contains(shown, note) {
				t.Errorf("lacks %q:\n%s", note, shown)
			}
		})
	}
}

// otherKey is a key of another type than that of all others here.
func otherKey(t *testing.T) []byte {
	t.Helper()
	made, err := server.MakeCertificate(server.CertificateOptions{Key: server.Ed25519})
	if err != nil {
		t.Fatal(err)
	}
	return made.KeyPEM
}

// What is written out is looked at before anything is sent.
func TestClientCertificateWritten(t *testing.T) {
	james := client(t, "james")
	_, between := authorities(t)
	files := map[string][]byte{"james.pem": james.CertPEM, "james.key": james.KeyPEM, "other.key": otherKey(t), "none.pem": []byte("SECRET"),
		"damaged.key":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("SECRET")}),
		"upside.pem":   slices.Concat(between.PEM(), james.CertPEM),
		"openssl1.key": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("SECRET")})}
	for _, row := range []struct{ script, want string }{
		{"starttls{ cert = 'james.pem', key = 'james.key' }", ""},
		{"local k = secret 'key'; starttls{ cert = 'james.pem', key = k }", ""},
		{"starttls{ cert = 'none.pem', key = 'james.key' }", "t.lua:1:18: cert: none.pem holds no certificate in PEM form"},
		{"starttls{ cert = 'gone.pem', key = 'james.key' }", "file \"gone.pem\": file does not exist"},
		{"handshake{ cert = '/etc/passwd' }", "cert: /etc/passwd holds no certificate in PEM form"},
		{"handshake{ cert = '/' }", "cert: file \"/\": /: it is no regular file"},
		{"connect('smtp', { cert = 'james.pem', key = 'other.key' })", "cert: the key of other.key is not that of the certificate in james.pem"},
		{"starttls{ cert = 'james.pem', key = 'damaged.key' }", "the key of damaged.key cannot be read"},
		{"starttls{ cert = 'james.pem', key = 'openssl1.key' }", "the key of openssl1.key is encrypted"},
		{"starttls{ cert = 'james.pem', key = 'james.pem' }", "james.pem holds no private key in PEM form"},
		{"starttls{ cert = 'james.pem' }", "james.pem holds no private key in PEM form"},
		{"starttls{ cert = 'upside.pem', key = 'james.key' }", "the client's own certificate (CN=james) is number 2 of upside.pem: it comes first"},
		{"starttls{ key = 'james.key' }", "t.lua:1:11: key is the key of cert, and cert is not given"},
	} {
		folder := fstest.MapFS{"t.lua": {Data: []byte(row.script)}}
		for name, content := range files {
			folder[name] = &fstest.MapFile{Data: content}
		}
		_, problems := CompileFS(folder, "t.lua", "t.lua")
		got := ""
		if problems.Err() != nil {
			got = problems.Error()
		}
		if (got == "") != (row.want == "") || !strings.Contains(got, row.want) || strings.Contains(got, "SECRET") {
			t.Errorf("%s: %s, want %s", row.script, got, row.want)
		}
	}
}

// A certificate and its key may lie elsewhere; a link that leads out of the
// folder is no such name, and is not followed.
func TestClientCertificateElsewhere(t *testing.T) {
	james := client(t, "james")
	dir, other := t.TempDir(), t.TempDir()
	elsewhere := filepath.Join(other, "james.pem")
	if err := os.WriteFile(elsewhere, slices.Concat(james.CertPEM, james.KeyPEM), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(dir, "link.pem")); err != nil {
		t.Fatal(err)
	}
	above, err := filepath.Rel(dir, elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{elsewhere: "", above: "", "link.pem": "it leads out of the script's folder"} {
		_, problems := Compile(filepath.Join(dir, "t.lua"), []byte("starttls{ cert = '"+name+"' }"))
		got := ""
		if err := problems.Err(); err != nil {
			got = err.Error()
		}
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// A key that a script writes out is shown nowhere, not a line of it.
func TestWrittenKey(t *testing.T) {
	james := client(t, "james")
	block, _ := pem.Decode(james.KeyPEM)
	lines := strings.Split(strings.TrimSpace(string(pem.EncodeToMemory(block))), "\n")
	oneLine := strings.ReplaceAll(string(james.KeyPEM), "\n", "\\n")
	for _, script := range []string{
		`ehlo(); starttls{ cert = file "james.pem", key = "` + oneLine + `" }; fail "here"`,
		`local k = "` + oneLine + `"; print(k); expect 250`,
		"local k = [[" + string(james.KeyPEM) + "]]; print(k); ehlo(); starttls{ cert = 'james.pem', key = k }; ehlo(); fail(k)",
		`local text = ("` + oneLine + `"):gsub("x", "x"); ehlo(); starttls{ cert = 'james.pem', key = text }; print(text); fail(text)`,
		`starttls{ crt = 1, cert = "james.pem", key = "` + oneLine + `" }`,
	} {
		shown := ""
		folder := fstest.MapFS{"t.lua": {Data: []byte(script)}, "james.pem": {Data: james.CertPEM}}
		if compiled, problems := CompileFS(folder, "t.lua", "t.lua"); compiled == nil {
			for _, p := range problems {
				shown += p.String() + p.Source + p.Hint
			}
		} else {
			b, _ := issued(t, server.CertificateOptions{}, asking(t, tls.RequestClientCert))
			r := b.tryBeside(t, script, map[string][]byte{"james.pem": james.CertPEM})[0]
			shown = transcriptOf(r) + r.Failure.What + r.Failure.Source + r.Failure.Got
		}
		for _, line := range lines[1 : len(lines)-1] {
			if strings.Contains(shown, line) {
				t.Errorf("%s\nshows %s:\n%s", script, line, shown)
			}
		}
	}
}
