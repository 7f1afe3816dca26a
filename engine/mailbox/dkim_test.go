package mailbox

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

var (
	signer = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	other  = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize))
)

const unsigned = "From: a@example.org\r\nSubject: x\r\n\r\nhello\r\n"

// signed is a message with a signature of its domain.
func signed(t *testing.T, text, domain string) string {
	t.Helper()
	var out bytes.Buffer
	err := dkim.Sign(&out, strings.NewReader(text), &dkim.SignOptions{Domain: domain, Selector: "s1", Signer: signer, HeaderKeys: []string{"From", "Subject"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestDKIM(t *testing.T) {
	good := signed(t, unsigned, "example.org")
	record := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(signer.Public().(ed25519.PublicKey))
	var asked []string
	lookup := func(_ context.Context, name string) ([]string, error) {
		asked = append(asked, name)
		return []string{record}, nil
	}
	down := errors.New("no server answers")
	for _, c := range []struct {
		reason string
		raw    string
		dkim   DKIM
		want   string // in what was got; "" where it holds
	}{
		{"a good signature", good, DKIM{Domain: "Example.org", Lookup: lookup}, ""},
		{"a given key", good, DKIM{Domain: "example.org", Key: signer.Public()}, ""},
		{"line ends of a Maildir, and what the server put in front", "Return-Path: <x@y>\n" + strings.ReplaceAll(good, "\r\n", "\n"), DKIM{Domain: "example.org", Lookup: lookup}, ""},
		{"no signature", unsigned, DKIM{Domain: "example.org", Lookup: lookup}, "no signature"},
		{"another domain's", good, DKIM{Domain: "example.com", Lookup: lookup}, "d=example.org that does not hold: no key for signature: not asked for"},
		{"another's and ours", signed(t, good, "list.example.net"), DKIM{Domain: "example.org", Lookup: lookup}, ""},
		{"a changed body", strings.Replace(good, "hello", "hallo", 1), DKIM{Domain: "example.org", Lookup: lookup}, "body hash did not verify"},
		{"a changed subject", strings.Replace(good, "Subject: x", "Subject: y", 1), DKIM{Domain: "example.org", Lookup: lookup}, "signature did not verify"},
		{"the wrong key", good, DKIM{Domain: "example.org", Key: other.Public()}, "signature did not verify"},
		{"a From above the signed one", "From: b@example.com\r\n" + good, DKIM{Domain: "example.org", Lookup: lookup}, "covers 1 of 2 From fields"},
		{"a key that cannot be looked up", good, DKIM{Domain: "example.org", Lookup: func(context.Context, string) ([]string, error) { return nil, down }}, "no server answers"},
		{"a key that is revoked", good, DKIM{Domain: "example.org", Lookup: func(context.Context, string) ([]string, error) { return []string{"v=DKIM1; p="}, nil }}, "key revoked"},
		{"more signatures than are judged", strings.Repeat("DKIM-Signature: v=1; d=example.org\r\n", maxSignatures) + good, DKIM{Domain: "example.org", Lookup: lookup}, "more than 20 signatures"},
	} {
		d := Demand{DKIM: &c.dkim}
		if err := d.Check(); err != nil {
			t.Errorf("%s: %v", c.reason, err)
		}
		held, why := d.Judge(t.Context(), &Message{Raw: []byte(c.raw)})
		if held != (c.want == "") || !held && !strings.Contains(why[0].Got, c.want) {
			t.Errorf("%s: held %v, %v; want %q", c.reason, held, why, c.want)
		}
		if failed := len(why) > 0 && errors.Is(why[0].Err, down); failed != strings.Contains(c.reason, "looked up") {
			t.Errorf("%s: the error is %v", c.reason, why)
		}
	}
	if i := slices.IndexFunc(asked, func(name string) bool { return name != "s1._domainkey.example.org" }); i >= 0 {
		t.Errorf("the key of another was asked for: %q", asked[i])
	}
}
