package dsl

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"smtplay/engine/lab"
	"smtplay/engine/lab/exim"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/suite"
)

// limit is the message_size_limit of the Postfix here.
const limit = "200000"

// Extensions at a real Postfix. What a script sends is looked for where it was
// delivered.
func TestPostfixExtensions(t *testing.T) {
	t.Parallel()
	p, b := postfix(t, lab.Options{MainCF: map[string]string{"message_size_limit": limit, "virtual_mailbox_limit": "0"}})
	const known = "james@new.example.com"
	files := map[string][]byte{"a.pdf": bytes.Repeat([]byte{0, 1, 2, 255}, 1000)}
	for _, row := range []struct {
		reason, script string
		sends          bool
	}{
		{"SIZE: at MAIL", `ehlo(); local limit = tonumber(capabilities().SIZE[1]); assert(limit == ` + limit + `); mail("a@example.org", { size = limit + 1, expect = "552 5.3.4" }); mail("a@example.org", { size = limit }); rset(); quit()`, false},
		{"SIZE: at the end, by DATA", `ehlo(); mail "a@example.org"; rcpt(known); data(message{ to = known, size = ` + limit + ` + 1000 }, { expect = "552 5.3.4", timeout = "10m" }); quit()`, false},
		{"SIZE: at the end, by BDAT", `ehlo(); mail "a@example.org"; rcpt(known); bdat(message{ to = known, size = ` + limit + ` + 1000 }, { split = 150000, expect = "552 5.3.4", timeout = "10m" }); quit()`, false},
		{"SIZE: one chunk too many is refused at once", "ehlo(); mail 'a@example.org'; rcpt(known)\nbdat(message{ to = known, size = " + limit + " + 1000 }, { split = 100200 }) --! failed: expected 2xx, got 552 5.3.4", false},
		{"SIZE: not a byte too many", `ehlo(); mail("a@example.org", { size = 150000 }); rcpt(known); data(message{ to = known, subject = id, size = 150000 }); quit()`, true},
		{"DSN", `ehlo(); expect_capability "DSN"; mail(known, { ret = "HDRS", envid = id }); rcpt(known, { notify = { "SUCCESS", "DELAY" }, orcpt = "rfc822;" .. known }); data(message{ from = known, to = known, subject = id }); quit()`, true},
		{"DSN: orcpt outside ASCII", `ehlo(); mail(known); rcpt(known, { orcpt = "utf-8;jürgen@example.com" }); rset(); quit()`, false},
		{"DSN: values that are none", `ehlo(); mail(known, { params = "RET=X", expect = "501 5.5.4" }); mail(known); rcpt(known, { params = "NOTIFY=NEVER,SUCCESS", expect = "501 5.5.4" }); quit()`, false},
		{"SMTPUTF8", `ehlo(); expect_capability "SMTPUTF8"; mail("jürgen@bücher.example", { smtputf8 = true }); rcpt(known); data(message{ from = "Jürgen <jürgen@bücher.example>", to = known, subject = id }); quit()`, true},
		{"8BITMIME", `ehlo(); expect_capability "8BITMIME"; mail("a@example.org", { body = "8BITMIME" }); rcpt(known); data(message{ to = known, subject = id, text = "Grüße", encoding = "8bit" }); quit()`, true},
		{"BINARYMIME is not offered", "ehlo(); expect_no_capability \"BINARYMIME\"; mail(\"a@example.org\", { body = \"BINARYMIME\", expect = \"555 5.5.4\" })\nrequires{ capability = \"BINARYMIME\" } --! skipped: does not offer BINARYMIME", false},
		{"CHUNKING", `ehlo(); expect_capability "CHUNKING"; mail "a@example.org"; rcpt(known); bdat(message{ to = known, subject = id, text = ".\n..\n.x" }, { split = 50 }); quit()`, true},
		{"CHUNKING: nobody to send to", `ehlo(); bdat("x\r\n", true, { expect = "503 5.5.1" }); noop(); quit()`, false},
		{"PIPELINING", `ehlo(); expect_capability "PIPELINING"; pipeline{ "mail from:<a@example.org>", "rcpt to:<" .. known .. ">", "rcpt to:<x@example.com>", "data" }; expect 250; expect "250 2.1.5"; expect "554 5.7.1"; expect 354; send(message{ to = known, subject = id } .. "."); expect 250; quit()`, true},
		{"PIPELINING: a reply too few is awaited", "ehlo(); pipeline{ 'noop', 'noop' }; expect 250\nquit() --! failed: has not been read", false},
		{"VRFY", `ehlo(); expect_capability "VRFY"; vrfy(known, { expect = 252 }); vrfy("nobody@new.example.com", { expect = "550 5.1.1" }); quit()`, false},
		{"dots come through", `ehlo(); mail "a@example.org"; rcpt(known); data(message{ to = known, subject = id, text = ".x\n." }); quit()`, true},
		{"and are taken away where they are not doubled", `ehlo(); mail "a@example.org"; rcpt(known); data(message{ to = known, subject = id, text = ".x" }, { stuff = false }); quit()`, true},
		{"all that a message may hold", `ehlo(); mail "a@example.org"; rcpt(known); data(message{ from = "Jürgen <a@example.org>", to = known, subject = id, text = "Grüße", html = "<p>Grüße", attach = "a.pdf", headers = { ["X-Long"] = ("word "):rep(500) } }); quit()`, true},
	} {
		t.Run(row.reason, func(t *testing.T) {
			id := strings.Map(func(r rune) rune {
				if r < 'A' || r > 'z' {
					return '-'
				}
				return r
			}, row.reason)
			script := "local known, id = '" + known + "', '" + id + "'; " + row.script
			r := b.tryBeside(t, script, files)[0]
			checkVerdict(t, r, script)
			if !row.sends || r.Outcome != suite.Passed {
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			m, err := p.Delivered(ctx, func(m lab.Message) bool { return bytes.Contains(m.Data, []byte("\nSubject: "+id+"\n")) })
			if err != nil {
				t.Fatal(err)
			}
			_, body, _ := strings.Cut(string(m.Data), "\n\n")
			want := map[string]string{"dots come through": ".x\n.\n", "and are taken away where they are not doubled": "x\n", "CHUNKING": ".\n..\n.x\n", "8BITMIME": "Grüße\n"}[row.reason]
			if want != "" && body != want {
				t.Errorf("%q was delivered, want %q", body, want)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := p.Delivered(ctx, func(m lab.Message) bool {
		return m.From == "" && bytes.Contains(m.Data, []byte("Original-Envelope-Id: DSN\n")) && bytes.Contains(m.Data, []byte("Action: delivered\n"))
	}); err != nil {
		t.Errorf("no report of success: %v", err)
	}
}

// keeper is a go-smtp server that keeps what it is told.
type keeper struct {
	mail []*smtp.MailOptions
	rcpt []*smtp.RcptOptions
	data []string
}

func (k *keeper) Reset()        {}
func (k *keeper) Logout() error { return nil }
func (k *keeper) Mail(_ string, o *smtp.MailOptions) error {
	k.mail = append(k.mail, o)
	return nil
}

func (k *keeper) Rcpt(_ string, o *smtp.RcptOptions) error {
	k.rcpt = append(k.rcpt, o)
	return nil
}

func (k *keeper) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	k.data = append(k.data, string(b))
	return err
}

// What Postfix has not, at a server that has.
func TestOtherExtensions(t *testing.T) {
	k := &keeper{}
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return k, nil }))
	srv.Domain, srv.EnableBINARYMIME, srv.EnableRRVS, srv.EnableSMTPUTF8, srv.EnableDSN, srv.EnableREQUIRETLS = "mail.example.com", true, true, true, true, true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close() })
	b := newBench(t, nil)
	b.env.Targets.Named = map[string]string{"smtp": l.Addr().String()}
	script := `ehlo(); requires{ capability = "BINARYMIME" }; requires{ capability = "RRVS" }; requires{ capability = "SMTPUTF8" }; requires{ capability = "DSN" }; requires{ capability = "CHUNKING" }
mail("jürgen@example.org", { body = "BINARYMIME", smtputf8 = true, requiretls = true, ret = "FULL", envid = "a+b", auth = "c=d@example.org", size = 10 })
rcpt("b@example.com", { rrvs = "2026-01-01T00:00:00Z;C", notify = { "FAILURE", "DELAY" }, orcpt = [[utf-8;jürgen\+@x]] })
send "data"; expect 502
rset(); mail("a@example.org", { body = "BINARYMIME" }); rcpt "b@example.com"
bdat(message{ to = "b@example.com", attach = { content = "\0\n\r.\n", encoding = "binary" } }, { split = 64 }); quit()`
	checkVerdict(t, b.try(t, script)[0], script)
	if len(k.mail) != 2 || len(k.rcpt) != 2 || len(k.data) != 1 {
		t.Fatalf("%d MAIL, %d RCPT, %d messages", len(k.mail), len(k.rcpt), len(k.data))
	}
	if m := k.mail[0]; m.Body != smtp.BodyBinaryMIME || !m.UTF8 || !m.RequireTLS || m.Return != smtp.DSNReturnFull || m.EnvelopeID != "a+b" || m.Auth == nil || *m.Auth != "c=d@example.org" || m.Size != 10 {
		t.Errorf("MAIL: %+v", m)
	}
	if r := k.rcpt[0]; !r.RequireRecipientValidSince.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) || len(r.Notify) != 2 || r.OriginalRecipientType != smtp.DSNAddressTypeUTF8 || r.OriginalRecipient != `jürgen\+@x` {
		t.Errorf("RCPT: %+v", r)
	}
	if !strings.Contains(k.data[0], "binary\r\nContent-Disposition: attachment\r\n\r\n\x00\n\r.\n\r\n--") {
		t.Errorf("data: %q", k.data[0])
	}
}

// What Exim has and Postfix has not, and the same by another server.
func TestEximExtensions(t *testing.T) {
	t.Parallel()
	e := labtest.Exim(t, exim.Options{Main: map[string]string{"message_size_limit": "200000"}})
	b := benchAt(t, e.Daemon)
	const begin = `local known, full = "james@new.example.com", "` + exim.Full + `"; connect "smtp"; ehlo(); `
	const two = `requires{ capability = "PRDR" }; mail("a@example.org", { prdr = true }); rcpt(known); rcpt(full)` + "\n"
	for _, row := range []struct{ reason, script string }{
		{"PRDR", two + `data(message{ to = known }, { expect = { [known] = 250, [full] = "552 5.2.2" } }); quit()`},
		{"PRDR: the full one is not taken for fine", two + `data(message{ to = known }) --! failed: got 552 5.2.2 mailbox is full`},
		{"PRDR: nor the fine one for full", two + `data(message{ to = known }, { expect = { [known] = 552, [full] = 552 } }) --! failed: expected 552, got 250`},
		{"PRDR: in chunks", two + `bdat(message{ to = known }, { split = 100, expect = { [full] = 552 } }); quit()`},
		{"PRDR: by hand", two + `send "data"; expect 354; send "Subject: x"; send "."; expect 353; expect 250; expect "552 5.2.2"; expect 250; quit()`},
		{"PRDR: a reply too few is awaited", two + `send "data"; expect 354; send "Subject: x"; send "."; expect 353; expect 250; expect "552 5.2.2"` + "\n" + `quit() --! failed: the reply to . has not been read`},
		{"PRDR: all are full", `mail("a@example.org", { prdr = true }); rcpt(full); rcpt(full); data(message{ to = full }, { expect = { [full] = 552, ["."] = 550 } }); quit()`},
		{"PRDR: one recipient, one reply", `mail("a@example.org", { prdr = true }); rcpt(known); data(message{ to = known }, { expect = { [known] = 250 } }); quit()`},
		{"SIZE, as Exim counts", `mail("a@example.org", { size = 200001, expect = 552 }); mail "a@example.org"; rcpt(known); data(message{ to = known, size = 220000 }, { expect = 552 }); mail "a@example.org"; rcpt(known); data(message{ to = known, size = 201000 }); quit()`},
		{"DSN and chunks", `mail("a@example.org", { ret = "FULL", envid = "a+b", body = "8BITMIME", auth = "x=y@example.org" }); rcpt(known, { notify = { "FAILURE", "DELAY" }, orcpt = "utf-8;jürgen@example.com" }); bdat(message{ to = known, text = "Grüße", encoding = "8bit" }, { split = 64 }); quit()`},
		{"SMTPUTF8", `mail("jürgen@bücher.example", { smtputf8 = true }); rcpt(known); data(message{ from = "jürgen@bücher.example", to = known }); quit()`},
		{"SMTPUTF8 that was forgotten", `mail("jürgen@bücher.example", { expect = 501 }); quit()`},
		{"a group", `pipeline{ "mail from:<a@example.org>", "rcpt to:<" .. known .. ">", "data" }; expect 250; expect 250; expect 354; send(message{ to = known } .. "."); expect 250; quit()`},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			script := begin + row.script
			checkVerdict(t, b.try(t, script)[0], script)
		})
	}
}
