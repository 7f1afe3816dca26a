package exim_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"smtplay/engine/lab"
	"smtplay/engine/lab/exim"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
)

var (
	goodLogin = base64.StdEncoding.EncodeToString([]byte("\x00" + lab.User + "\x00" + lab.Password))
	badLogin  = base64.StdEncoding.EncodeToString([]byte("\x00" + lab.User + "\x00wrong"))
)

const offers = "250-SIZE 30720000\n250-8BITMIME\n250-DSN\n250-PIPELINING\n250-PIPECONNECT\n"

func TestListeners(t *testing.T) {
	t.Parallel()
	server := labtest.Exim(t, exim.Options{})
	for _, view := range []labtest.View{
		{Listener: "smtp", Has: offers + "250-CHUNKING\n250-STARTTLS\n250-PRDR\n250-SMTPUTF8\n", HasNot: "AUTH", Lines: [][2]string{
			{"auth plain " + goodLogin, "503 AUTH command used when not advertised"},
			{"mail from:<james@example.org>", "250 OK"},
			{"rcpt to:<james@example.com>", "550 relay not permitted"},
			{"rcpt to:<nobody@new.example.com>", "550 User unknown"},
			{"rcpt to:<postmaster>", "250 Accepted"},
			{"rcpt to:<james@new.example.com>", "250 Accepted"},
		}},
		{Listener: "smtp", TLS: true, Has: offers + "250-AUTH PLAIN LOGIN CRAM-MD5\n", HasNot: "STARTTLS", Lines: [][2]string{
			{"auth plain " + badLogin, "535 Incorrect authentication data"},
			{"auth login", "334 VXNlcm5hbWU6"},
			{"amFtZXNAbmV3LmV4YW1wbGUuY29t", "334 UGFzc3dvcmQ6"},
			{"eW91cnBhc3N3b3Jk", "235 Authentication succeeded"},
			{"mail from:<james@example.org>", "250"},
			{"rcpt to:<james@example.com>", "250"},
		}},
		{Listener: "local", Has: offers, HasNot: "AUTH", Lines: [][2]string{
			{"mail from:<james@example.org>", "250 OK"},
			{"rcpt to:<james@example.com>", "250 Accepted"},
		}},
		{Listener: "submission", Has: "STARTTLS", HasNot: "AUTH", Lines: [][2]string{
			{"mail from:<james@new.example.com>", "530 5.7.0 Must issue a STARTTLS command first"},
		}},
		{Listener: "submission", TLS: true, Has: "AUTH PLAIN", HasNot: "STARTTLS", Lines: [][2]string{
			{"mail from:<james@new.example.com>", "250"},
			{"rcpt to:<james@new.example.com>", "530 5.7.0 Authentication required"},
			{"rset", "250"},
			{"auth plain " + goodLogin, "235"},
			{"mail from:<james@new.example.com>", "250"},
			{"rcpt to:<james@example.com>", "250"},
		}},
		{Listener: "submissions", Wrapped: true, Has: "AUTH PLAIN", HasNot: "STARTTLS", Lines: [][2]string{
			{"auth plain " + goodLogin, "235"},
			{"mail from:<james@new.example.com>", "250"},
			{"rcpt to:<james@example.com>", "250"},
		}},
	} {
		t.Run(view.String(), func(t *testing.T) {
			c := view.Check(t, server.Addr(view.Listener), server.CAFile(), "220 maila.example.com ESMTP Exim")
			c.Say("quit", "221")
		})
	}
}

// What was accepted arrives in its mailbox, what was relayed in the sink, and by PRDR
// one recipient is refused and the other not.
func TestDelivered(t *testing.T) {
	t.Parallel()
	server := labtest.Exim(t, exim.Options{})
	c := labtest.Dial(t, server.Addr("local"), nil)
	c.Expect("220")
	c.Dialogue([][2]string{
		{"ehlo client.example.org", "250"},
		{"mail from:<james@example.org> PRDR", "250 OK, PRDR Requested"},
		{"rcpt to:<james@example.com>", "250"},
		{"rcpt to:<" + exim.Full + ">", "250"},
		{"rcpt to:<james@new.example.com>", "250"},
		{"rcpt to:<postmaster>", "250"},
		{"data", "354"},
		{"Subject: PRDR\r\n\r\nHi\r\n.", "353 PRDR content analysis beginning"},
	})
	c.Expect("250 PRDR R=<james@example.com> acceptance")
	c.Expect("552 5.2.2 mailbox is full")
	c.Expect("250 PRDR R=<james@new.example.com> acceptance")
	c.Expect("250")
	c.Expect("250 id=")
	for _, mailbox := range []string{exim.Sink, exim.Local, "new.example.com/james"} {
		letter := labtest.Delivered(t, server.Messages, mailbox)
		if !bytes.Contains(letter, []byte("\nSubject: PRDR\n\nHi\n")) {
			t.Errorf("%s: the message is %q", mailbox, letter)
		}
	}
	all, err := server.Messages()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.Mailbox == "new.example.com/full" {
			t.Errorf("the full mailbox has %q", m.Data)
		}
	}
}

// What is announced works, too.
func TestExtensions(t *testing.T) {
	t.Parallel()
	server := labtest.Exim(t, exim.Options{})
	c := labtest.Dial(t, server.Addr("smtp"), nil)
	c.Expect("220")
	c.Say("ehlo client.example.org", "250")
	c.StartTLS(labtest.Trusting(t, server.CAFile()))
	_, encoded, _ := strings.Cut(c.Say("auth cram-md5", "334 "), " ")
	challenge, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	digest := hmac.New(md5.New, []byte(lab.Password))
	digest.Write(challenge)
	response := fmt.Sprintf("%s %x", lab.User, digest.Sum(nil))
	c.Say(base64.StdEncoding.EncodeToString([]byte(response)), "235")
	const letter = "Subject: pieces\r\n\r\nHi\r\n"
	c.Dialogue([][2]string{
		{"mail from:<jämes@example.org> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=x SIZE=30720001", "552"},
		{"mail from:<jämes@example.org>", "250"}, // it takes that without being asked to, too
		{"rset", "250"},
		{"mail from:<jämes@example.org> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=x SIZE=30", "250"},
		{"rcpt to:<james@new.example.com> NOTIFY=NEVER ORCPT=rfc822;james@new.example.com", "250"},
		{fmt.Sprintf("bdat %d last\r\n%s", len(letter), strings.TrimSuffix(letter, "\r\n")), "250"},
		{"quit", "221"},
	})
	if got := labtest.Delivered(t, server.Messages, "new.example.com/james"); !bytes.HasSuffix(got, []byte("\nSubject: pieces\n\nHi\n")) {
		t.Errorf("the message is %q", got)
	}
}

// PROXY makes the client another, and who does not begin with it is nobody.
func TestProxy(t *testing.T) {
	t.Parallel()
	server := labtest.Exim(t, exim.Options{})
	c := labtest.Dial(t, server.Addr("proxy"), nil)
	c.Say("PROXY TCP4 203.0.113.7 198.51.100.1 4711 25", "220")
	if got := c.Say("ehlo client.example.org", "250"); !strings.Contains(got, "Hello client.example.org [203.0.113.7]") {
		t.Errorf("got %q", got)
	}
	c.Say("quit", "221")
	c = labtest.Dial(t, server.Addr("proxy"), nil)
	c.Say("ehlo client.example.org", "220")
	c.Say("ehlo client.example.org", "503 Command refused, required Proxy negotiation failed")
}

// Exim takes what it finds in the file for a staple, but GnuTLS judges it first: whoever shakes hands
// with a server whose response is revoked or too old is cut off.
func TestStaple(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		staple *server.StapleOptions
		want   int // a status; none, or cut
	}{
		{"none", nil, none},
		{"good", &server.StapleOptions{}, ocsp.Good},
		{"unknown", &server.StapleOptions{Status: server.StapleUnknown}, ocsp.Unknown},
		{"by nobody who may", &server.StapleOptions{Responder: server.ResponderUnentitled}, ocsp.Good},
		{"revoked", &server.StapleOptions{Status: server.StapleRevoked}, cut},
		{"too old", &server.StapleOptions{ThisUpdate: time.Now().AddDate(0, 0, -9)}, cut},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := labtest.Exim(t, exim.Options{Staple: test.staple})
			conn, err := tls.Dial("tcp", server.Addr("submissions"), labtest.Trusting(t, server.CAFile()))
			if err != nil {
				if test.want != cut {
					t.Error(err)
				}
				return
			}
			defer conn.Close()
			response := conn.ConnectionState().OCSPResponse
			if test.want == none || test.want == cut {
				if test.want == cut || len(response) > 0 {
					t.Errorf("the handshake is over, and %q is stapled", response)
				}
				return
			}
			got, err := ocsp.ParseResponse(response, nil)
			if err != nil || got.Status != test.want {
				t.Errorf("got %+v, %v, want status %d", got, err, test.want)
			}
		})
	}
}

// What TestStaple wants besides a status.
const (
	none = -1 - iota // nothing is stapled
	cut              // the handshake fails
)

func TestStopLeavesNothing(t *testing.T) {
	t.Parallel()
	server := labtest.Exim(t, exim.Options{})
	c := labtest.Dial(t, server.Addr("smtp"), nil) // so that one of its children is at work
	c.Expect("220")
	labtest.LeavesNothing(t, server.Daemon)
}

func TestStartSaysWhy(t *testing.T) {
	t.Parallel()
	good := labtest.Exim(t, exim.Options{}) // skips where there can be none
	_, err := exim.Start(t.Context(), exim.Options{Root: good.Root(), Main: map[string]string{"no_such_setting": "x"}})
	labtest.SaysWhy(t, err, "no_such_setting")
}
