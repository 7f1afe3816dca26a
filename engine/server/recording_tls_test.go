package server_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"smtplay/engine/server"
)

// secured is a conversation with STARTTLS, of which that was told.
func secured(words string) []byte {
	return file("* connect smtp x:1", "S: 220 mail.example.com hi", "C: STARTTLS", "S: 220 go", "* "+words, "C: NOOP", "S: 250 ok", "C: QUIT", "S: 221 bye", "* close client")
}

// pool trusts what the recording says must be trusted.
func (r *recording) pool(t *testing.T) *x509.CertPool {
	t.Helper()
	pem, err := r.CA()
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("%q, %v", pem, err)
	}
	return pool
}

// shake does the client's side of a handshake and returns the server's certificate.
func (c *client) shake(config *tls.Config) (*tls.ConnectionState, error) {
	conn := tls.Client(c.conn, config)
	if err := conn.Handshake(); err != nil {
		return nil, err
	}
	c.conn, c.in = conn, bufio.NewReader(conn)
	state := conn.ConnectionState()
	return &state, nil
}

// TestRecordedCertificates: what verification found, it finds again.
func TestRecordedCertificates(t *testing.T) {
	var (
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		unknown x509.UnknownAuthorityError
	)
	for _, tt := range []struct {
		name, words string
		fails       any // target for errors.As
		version     uint16
		cn          string
		left        string
	}{
		{"verified", "tls TLS1.3 TLS_AES_128_GCM_SHA256 CN=maila.example.com verified", nil, tls.VersionTLS13, "maila.example.com", ""},
		{"of an older version", "tls TLS1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 O=x,CN=maila.example.com,C=y verified", nil, tls.VersionTLS12, "maila.example.com", ""},
		{"without a common name", "tls TLS1.3 TLS_AES_128_GCM_SHA256  verified", nil, tls.VersionTLS13, "mail.example.com", ""},
		{"with an odd one", `tls TLS1.3 C CN=an odd one / verified`, nil, tls.VersionTLS13, "mail.example.com", ""},
		{"words that say nothing", "tls what", nil, tls.VersionTLS13, "mail.example.com", ""},
		{"self-signed", "tls TLS1.3 C CN=maila.example.com unverified: self-signed certificate", &unknown, 0, "maila.example.com", ""},
		{"unknown CA", "tls TLS1.3 C CN=maila.example.com unverified: no trusted CA: issued by CN=x", &unknown, 0, "maila.example.com", ""},
		{"expired", "tls TLS1.3 C CN=maila.example.com unverified: expired on 2020-02-03 10:11 UTC", &invalid, 0, "maila.example.com", ""},
		{"not yet valid", "tls TLS1.3 C CN=maila.example.com unverified: not valid before 2120-02-03 10:11 UTC", &invalid, 0, "maila.example.com", ""},
		{"for others", "tls TLS1.3 C CN=other.example.com unverified: it is for other.example.com, x.example.com, not for maila.example.com", &host, 0, "other.example.com", ""},
		{"for nobody", "tls TLS1.3 C CN=maila.example.com unverified: it is for no name at all (a common name does not count), not for maila.example.com", &host, 0, "maila.example.com", ""},
		{"all at once", "tls TLS1.3 C CN=a.example.com unverified: expired on 2020-02-03 10:11 UTC, self-signed certificate, it is for a.example.com, not for b.example.com", &invalid, 0, "a.example.com", ""},
		{"refused then", "note the TLS handshake failed: starttls: remote error: tls: protocol version not supported", nil, 0, "mail.example.com",
			"a.smtp:6 a TLS handshake that fails | one that did not | "},
		{"not trusted then", "note the TLS handshake failed: the server's certificate (CN=a, issued by CN=a) did not verify: self-signed certificate", &unknown, 0, "mail.example.com", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := record(t, secured(tt.words))
			srv := r.start(t)
			name := "maila.example.com"
			if !strings.Contains(tt.words, name) {
				name = "mail.example.com" // that of the greeting
			}
			// What the certificate is, whoever trusts it.
			c := dial(t, srv)
			c.talk("", "220 ", "STARTTLS", "220 go")
			state, err := c.shake(&tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			leaf := state.PeerCertificates[0]
			if leaf.Subject.CommonName != tt.cn || tt.version != 0 && state.Version != tt.version {
				t.Errorf("%v, %s", leaf.Subject, tls.VersionName(state.Version))
			}
			if alone := leaf.Issuer.String() == leaf.Subject.String(); alone != strings.Contains(tt.words, "self-signed") {
				t.Errorf("self-signed: %v", alone)
			}
			c.conn.Close()
			// And whether it is trusted.
			c = dial(t, srv)
			c.talk("", "220 ", "STARTTLS", "220 go")
			_, err = c.shake(&tls.Config{ServerName: name, RootCAs: r.pool(t)})
			if tt.fails == nil && err != nil || tt.fails != nil && !errors.As(err, tt.fails) {
				t.Errorf("got %v", err)
			}
			if err == nil && tt.left == "" {
				c.talk("NOOP", "250 ok", "QUIT", "221 ")
			}
			c.conn.Close()
			srv.Wait(t.Context(), 2)
			want := tt.left
			if tt.fails != nil && strings.HasPrefix(tt.words, "tls ") { // then the client went on even so
				want = "a.smtp:6 a TLS handshake | remote error: tls: bad certificate | "
			}
			r.left = slices.DeleteFunc(r.left, func(d *server.Departure) bool { return d.Client == 1 })
			if got := strings.Join(r.departures(), "\n"); got != want {
				t.Errorf("left:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// TestRecordedHandshakes: whether there was one, and whether there is.
func TestRecordedHandshakes(t *testing.T) {
	const words = "tls TLS1.3 TLS_AES_128_GCM_SHA256 CN=localhost verified"
	atOnce := file("* connect submissions x:1", "* "+words, "S: 220 hi", "C: QUIT", "S: 221 bye", "* close client")
	never := file("* connect smtp x:1", "S: 220 hi", "C: STARTTLS", "S: 220 go", "C: NOOP", "S: 250 in clear", "* close client")
	for _, tt := range []struct {
		name string
		file []byte
		play func(*client, *tls.Config)
		left string
	}{
		{"from the first byte", atOnce, func(c *client, config *tls.Config) {
			if _, err := c.shake(config); err != nil {
				t.Error(err)
			}
			c.talk("", "220 hi", "QUIT", "221 ")
		}, ""},
		{"clear where TLS was", atOnce, func(c *client, _ *tls.Config) { c.send("EHLO me\r\n") },
			"a.smtp:3 a TLS handshake | tls: first record does not look like a TLS handshake | "},
		{"nothing where TLS was", atOnce, func(c *client, _ *tls.Config) {}, "a.smtp:3 a TLS handshake | the end of the connection | "},
		{"a client that does not trust", atOnce, func(c *client, _ *tls.Config) { c.shake(&tls.Config{ServerName: "localhost"}) },
			"a.smtp:3 a TLS handshake | remote error: tls: bad certificate | "},
		{"no handshake after STARTTLS", never, func(c *client, _ *tls.Config) { c.talk("", "220 hi", "STARTTLS", "220 go", "NOOP", "250 in clear") }, ""},
		{"one that was none", never, func(c *client, config *tls.Config) {
			c.talk("", "220 hi", "STARTTLS", "220 go")
			if _, err := c.shake(config); err == nil {
				t.Error("there was a handshake")
			}
		}, "a.smtp:6 NOOP | the beginning of a TLS handshake | "},
		{"gone on in clear", secured(words), func(c *client, _ *tls.Config) { c.talk("", "220 ", "STARTTLS", "220 go", "NOOP", "") },
			"a.smtp:6 a TLS handshake | tls: first record does not look like a TLS handshake | "},
		{"left at the handshake", secured(words), func(c *client, _ *tls.Config) { c.talk("", "220 ", "STARTTLS", "220 go") },
			"a.smtp:6 a TLS handshake | the end of the connection | "},
		{"refused, as it was", secured("note the TLS handshake failed: no"), func(c *client, config *tls.Config) {
			c.talk("", "220 ", "STARTTLS", "220 go")
			config.MaxVersion = tls.VersionTLS11
			if _, err := c.shake(config); err == nil {
				t.Error("there was a handshake")
			}
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := record(t, tt.file)
			srv := r.start(t)
			c := dial(t, srv)
			tt.play(c, &tls.Config{ServerName: "localhost", RootCAs: r.pool(t)})
			c.conn.Close()
			srv.Wait(t.Context(), 1)
			if got := strings.Join(r.departures(), "\n"); got != tt.left {
				t.Errorf("left:\n%s\nwant:\n%s", got, tt.left)
			}
		})
	}
}

// TestRecordedSilence: what came after a silence comes after one again, and what
// did not come before the client spoke does not.
func TestRecordedSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record(t, file("* connect smtp x:1", "* note silence for 3s", "S: 220 hi", "C: NOOP", "* note silence for 1m", "C: NOOP", "S: 250 second", "* note silence for what", "* note silence for 10s", "S: 421 idle", "* close server"))
		srv := &server.Server{Handler: r.Serve, Timeout: time.Hour}
		defer srv.Close()
		c := over(t, srv.Pipe())
		c.conn.SetDeadline(time.Time{})
		begin := time.Now()
		c.talk("", "220 hi")
		if took := time.Since(begin); took != 4500*time.Millisecond {
			t.Errorf("the greeting took %v", took)
		}
		c.send("NOOP\r\n")
		c.conn.SetDeadline(time.Now().Add(time.Minute))
		if line, err := c.in.ReadString('\n'); err == nil {
			t.Errorf("got %q", line)
		}
		c.conn.SetDeadline(time.Time{})
		begin = time.Now()
		c.talk("NOOP", "250 second", "", "421 idle")
		if took := time.Since(begin); took != 15*time.Second {
			t.Errorf("the end took %v", took)
		}
		if err := srv.Wait(t.Context(), 1); err != nil {
			t.Error(err)
		}
		wantDepartures(t, r)
	})
}

// TestRecordedEnds: the connection ends as it did.
func TestRecordedEnds(t *testing.T) {
	for _, end := range []string{"server", "reset", "client"} {
		t.Run(end, func(t *testing.T) {
			r := record(t, file("* connect smtp x:1", "S: 220 hi", "C: NOOP", "* close "+end))
			srv := r.start(t)
			c := dial(t, srv)
			c.talk("", "220 hi", "NOOP", "")
			if end == "client" {
				c.conn.Close()
			} else if rest, err := c.rest(); rest != "" || (err != nil) != (end == "reset") {
				t.Errorf("%q, %v", rest, err)
			}
			if err := srv.Wait(t.Context(), 1); err != nil {
				t.Error(err)
			}
			wantDepartures(t, r)
		})
	}
	// The server ends it after a 221 and a 421, though the client was quicker then.
	for _, last := range []string{"221 bye", "421 busy"} {
		r := record(t, file("* connect smtp x:1", "S: 220 hi", "C: NOOP", "S: "+last, "* close client"))
		c := dial(t, r.start(t))
		c.talk("", "220 hi", "NOOP", last)
		if rest, err := c.rest(); rest != "" || err != nil {
			t.Errorf("%s: %q, %v", last, rest, err)
		}
	}
	// Nothing over a pipe can be reset: it ends all the same.
	r := record(t, file("* connect smtp x:1", "S: 220 hi", "* close reset"))
	srv := &server.Server{Handler: r.Serve}
	defer srv.Close()
	c := over(t, srv.Pipe())
	c.talk("", "220 hi")
	if rest, err := c.rest(); rest != "" || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}
