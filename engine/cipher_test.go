package engine_test

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"smtplay/engine"
	"smtplay/engine/server"
)

// Every suite goes by two names, and what Go does not speak by none.
func TestCipherNamed(t *testing.T) {
	for name, want := range map[string]uint16{
		"ECDHE-RSA-AES128-GCM-SHA256": tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		"ECDHE-ECDSA-AES256-GCM-SHA384": tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-SHA": tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
		"ECDHE-RSA-CHACHA20-POLY1305": tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "AES128-SHA": tls.TLS_RSA_WITH_AES_128_CBC_SHA,
		"AES256-GCM-SHA384": tls.TLS_RSA_WITH_AES_256_GCM_SHA384, "DES-CBC3-SHA": tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, "RC4-SHA": tls.TLS_RSA_WITH_RC4_128_SHA,
		"ECDHE-RSA-DES-CBC3-SHA": tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, "ECDHE-ECDSA-RC4-SHA": tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA,
		"ECDHE-ECDSA-AES128-SHA256": tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, "AES128-SHA256": tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
	} {
		if c, err := engine.CipherNamed(name); err != nil || c.ID != want {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	for name, want := range map[string]string{
		"DHE-RSA-AES128-GCM-SHA256": "Go's TLS does not speak it", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256": "Go's TLS does not speak it", "ECDHE-RSA-AES256-SHA384": "Go's TLS does not speak it",
		"ADH-AES128-SHA": "Go's TLS does not speak it", "SRP-RSA-AES-128-CBC-SHA": "does not speak it", "EXP-RC4-MD5": "does not speak it", "NULL-SHA": "does not speak it",
		"ECDHE-ECDSA-AES128-CCM8": "does not speak it", "TLS_AES_128_CCM_SHA256": "does not speak it", "TLS_AES_128_GCM_SHA256": "it is of TLS 1.3",
	} {
		_, err := engine.CipherNamed(name)
		if unspoken := (*engine.UnspokenError)(nil); !errors.As(err, &unspoken) || unspoken.Name != name || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"HIGH": "a cipher list of OpenSSL's", "ALL:!aNULL": "a cipher list of OpenSSL's", "AES128-SHA:AES256-SHA": "a cipher list", "RSA": "no cipher suite is called", "": "no cipher suite", "AES128-SHA1": "no cipher suite", "aes128-sha": "no cipher suite",
	} {
		if _, err := engine.CipherNamed(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every suite that can be named can be chosen, alone, and is what comes of it.
func TestCiphers(t *testing.T) {
	certs := map[string]*server.Certificate{"RSA": made(t, server.CertificateOptions{Key: server.RSA2048}), "ECDSA": made(t, server.CertificateOptions{})}
	all := engine.Ciphers()
	if len(all) < 20 {
		t.Fatalf("%d suites", len(all))
	}
	for _, suite := range all {
		t.Run(suite.OpenSSL, func(t *testing.T) {
			soon(t)
			cert := certs["RSA"]
			if strings.Contains(suite.OpenSSL, "ECDSA") {
				cert = certs["ECDSA"]
			}
			conf := cert.ServerConfig()
			conf.CipherSuites = []uint16{suite.ID}
			k := greeted(t, server.Polite{TLS: conf}.Serve, engine.Options{})
			k.ask("STARTTLS", "220")
			if err := k.Handshake(k.ctx, engine.TLSOptions{Name: "localhost", CA: cert.Pool, Ciphers: []uint16{suite.ID}}); err != nil {
				t.Fatal(err)
			}
			if info := k.TLS(); info.Cipher != suite.Name || info.Version != "TLS1.2" {
				t.Errorf("%+v", info)
			}
		})
	}
}

// Bounds that leave nothing to offer would be refused by every server, and that
// would be no fault of any.
func TestCipherBounds(t *testing.T) {
	cert := made(t, server.CertificateOptions{Key: server.RSA2048})
	for _, row := range []struct {
		name string
		opts engine.TLSOptions
		msg  string
	}{
		{"1.3 at least", engine.TLSOptions{Ciphers: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}, MinVersion: tls.VersionTLS13}, "ciphers bounds TLS up to 1.2"},
		{"1.3 at most", engine.TLSOptions{Ciphers: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}, MaxVersion: tls.VersionTLS13}, "ciphers bounds TLS up to 1.2"},
		{"a suite of 1.2, with 1.1", engine.TLSOptions{Ciphers: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, MaxVersion: tls.VersionTLS11}, "ECDHE-RSA-AES128-GCM-SHA256 is no suite of TLS 1.0 to 1.1"},
		{"a suite of 1.3", engine.TLSOptions{Ciphers: []uint16{tls.TLS_AES_128_GCM_SHA256}}, "is none that Go's TLS speaks"},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := greeted(t, server.Polite{TLS: cert.ServerConfig()}.Serve, engine.Options{})
			k.ask("STARTTLS", "220")
			row.opts.Name, row.opts.CA = "localhost", cert.Pool
			wantErr(t, k.Handshake(k.ctx, row.opts), engine.Misuse, row.msg)
		})
	}
	t.Run("a refusal says what was not tried", func(t *testing.T) {
		conf := cert.ServerConfig()
		conf.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}
		k := greeted(t, server.Polite{TLS: conf}.Serve, engine.Options{})
		k.ask("STARTTLS", "220")
		err := k.Handshake(k.ctx, engine.TLSOptions{Name: "localhost", CA: cert.Pool, Ciphers: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}})
		wantErr(t, err, engine.Handshake, "the server refused the TLS handshake: remote error: tls: handshake failure")
		k.holds("offered were TLS 1.2 with AES128-SHA; suites that Go's TLS does not speak (DHE,")
	})
}
