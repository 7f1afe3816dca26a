package lab_test

import (
	"crypto/tls"
	"encoding/base64"
	"testing"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
)

// goodLogin and badLogin are initial responses of AUTH PLAIN.
var (
	goodLogin = base64.StdEncoding.EncodeToString([]byte("\x00" + lab.User + "\x00" + lab.Password))
	badLogin  = base64.StdEncoding.EncodeToString([]byte("\x00" + lab.User + "\x00wrong"))
)

// dial connects to a listener, with TLS from the first byte if trust is not nil, and takes the greeting.
func dial(t testing.TB, addr string, trust *tls.Config) *labtest.Client {
	t.Helper()
	c := labtest.Dial(t, addr, trust)
	c.Expect("220 maila.example.com ESMTP Postfix")
	return c
}

// trusting believes the lab's CA, and nobody else.
func trusting(t testing.TB, server *lab.Postfix) *tls.Config {
	t.Helper()
	return labtest.Trusting(t, server.CAFile())
}
