package opendkim_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/lab/opendkim"
	"smtplay/engine/lab/postsrsd"
	"smtplay/engine/resolver"
	"smtplay/engine/resolver/resolvertest"
	"smtplay/engine/server"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// verify checks the signatures of a letter by the keys of a DNS.
func verify(t testing.TB, dns, letter string) []*dkim.Verification {
	t.Helper()
	asked := &resolver.Resolver{Server: dns}
	all, err := dkim.VerifyWithOptions(strings.NewReader(letter), &dkim.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) { return asked.LookupTXT(t.Context(), name) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A forwarded letter is signed, and so that its receiver can verify it, also with its sender rewritten.
func TestForwardIsSigned(t *testing.T) {
	t.Parallel()
	signer, srs := labtest.OpenDKIM(t, opendkim.Options{}), labtest.PostSRSd(t, postsrsd.Options{})
	mx := &server.Server{}
	if err := mx.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mx.Close() })
	settings := signer.PostfixSettings()
	maps.Copy(settings, srs.PostfixSettings())
	p := labtest.Private(t, lab.Options{
		MainCF:   settings,
		Aliases:  map[string]string{"forward@new.example.com": "fred@example.net"},
		Outbound: []lab.Outbound{{Domain: "example.net", Address: mx.Addr()}},
	})
	c := labtest.Dial(t, p.Addr("smtp"), nil)
	c.Expect("220")
	c.Dialogue([][2]string{
		{"ehlo client.example.org", "250"}, {"mail from:<alice@example.org>", "250"}, {"rcpt to:<forward@new.example.com>", "250"},
		{"data", "354"}, {"From: alice@example.org\r\nTo: forward@new.example.com\r\nSubject: on\r\n\r\nHi\r\n.", "250"}, {"quit", "221"},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := mx.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	got := mx.Messages()
	if len(got) != 1 || !strings.HasPrefix(got[0].From, "SRS0=") {
		t.Fatalf("forwarded: %+v", got)
	}
	dns, asked := resolvertest.Zone(t, signer.Record())
	if all := verify(t, dns, got[0].Data); len(all) != 1 || all[0].Err != nil || all[0].Domain != opendkim.Domain || asked() == 0 {
		t.Errorf("signatures %+v, asked %d times, of\n%s", all, asked(), got[0].Data)
	}
	changed := strings.Replace(got[0].Data, "\r\nHi\r\n", "\r\nHo\r\n", 1)
	if all := verify(t, dns, changed); len(all) != 1 || all[0].Err == nil {
		t.Errorf("a changed letter verifies: %+v", all)
	}
	other, _ := resolvertest.Zone(t, labtest.OpenDKIM(t, opendkim.Options{}).Record())
	if all := verify(t, other, got[0].Data); len(all) != 1 || all[0].Err == nil {
		t.Errorf("another's key verifies it: %+v", all)
	}
}

// What cannot be signed is not taken.
func TestWithoutSigner(t *testing.T) {
	t.Parallel()
	signer := labtest.OpenDKIM(t, opendkim.Options{Domain: "example.org", Selector: "s1"})
	if !strings.HasPrefix(signer.Record(), `s1._domainkey.example.org. 300 IN TXT "v=DKIM1; k=rsa; p=`) {
		t.Errorf("the record is %s", signer.Record())
	}
	p := labtest.Private(t, lab.Options{MainCF: signer.PostfixSettings()})
	if err := signer.Stop(); err != nil {
		t.Fatal(err)
	}
	c := labtest.Dial(t, p.Addr("smtp"), nil)
	c.Expect("220")
	c.Dialogue([][2]string{{"ehlo client.example.org", "250"}, {"mail from:<alice@example.org>", "451"}})
}

func TestStopLeavesNothing(t *testing.T) {
	t.Parallel()
	labtest.LeavesNothing(t, labtest.OpenDKIM(t, opendkim.Options{}).Daemon)
}

func TestStartSaysWhy(t *testing.T) {
	t.Parallel()
	root := labtest.OpenDKIM(t, opendkim.Options{}).Root()
	_, err := opendkim.Start(t.Context(), opendkim.Options{Root: root, Settings: "NoSuchSetting x"})
	labtest.SaysWhy(t, err, "unrecognized parameter")
	if s, err := opendkim.Start(t.Context(), opendkim.Options{Domain: "a:b"}); err == nil {
		t.Errorf("started: %v", s.Stop())
	}
}
