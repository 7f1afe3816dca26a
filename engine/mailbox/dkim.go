package mailbox

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/emersion/go-msgauth/dkim"
)

// DKIM demands a valid signature (RFC 6376, with the bounds of RFC 8301) by a domain. A
// signature of only a part of the body (l=), or that leaves a From field out, is not valid.
type DKIM struct {
	Domain string // the d= of a signature that must hold; ignores case
	// Key is the public key, an *rsa.PublicKey or ed25519.PublicKey; nil to look it up.
	Key crypto.PublicKey
	// Lookup gives the TXT records of a name such as s1._domainkey.example.com, the strings
	// of each joined. It is called by one goroutine at a time, which may be another than that of Judge.
	Lookup func(ctx context.Context, name string) ([]string, error)
}

// maxSignatures bounds how many signatures a message may have to be judged by them.
const maxSignatures = 20

func (d *DKIM) check() error {
	switch d.Key.(type) {
	case nil, *rsa.PublicKey, ed25519.PublicKey:
	default:
		return fmt.Errorf("dkim: a key is an RSA or Ed25519 public key, not %T", d.Key)
	}
	if d.Domain == "" {
		return errors.New("dkim: it needs the domain that signs")
	}
	if d.Key == nil && d.Lookup == nil {
		return errors.New("dkim: it needs a key, or a way to look it up")
	}
	return nil
}

// judge returns nil where a signature of the domain holds, and else why each does not.
func (d *DKIM) judge(ctx context.Context, m *Message) *Difference {
	want := Difference{What: "dkim", Want: "a valid signature by d=" + d.Domain}
	keys := d.keys(ctx)
	found, err := dkim.VerifyWithOptions(bytes.NewReader(m.letter()),
		&dkim.VerifyOptions{LookupTXT: keys.lookup, MaxVerifications: maxSignatures})
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		want.Got = fmt.Sprintf("a message whose signatures cannot be read: %s", plain(err.Error()))
		return &want
	}
	var faults []string
	for _, signature := range found {
		fault := d.fault(m, signature)
		if fault == "" {
			return nil
		}
		faults = append(faults, fault)
	}
	if err != nil {
		faults = append(faults, fmt.Sprintf("more than %d signatures, of which the others were not judged", maxSignatures))
	}
	want.Got, want.Err = strings.Join(faults, "; "), keys.failed
	if len(faults) == 0 {
		want.Got = "no signature"
	}
	return &want
}

// fault says why a signature is not what is demanded, "" where it is.
func (d *DKIM) fault(m *Message, v *dkim.Verification) string {
	by := "a signature by d=" + plain(v.Domain)
	if v.Err != nil {
		return fmt.Sprintf("%s that does not hold: %s", by, plain(strings.TrimPrefix(v.Err.Error(), "dkim: ")))
	}
	if !strings.EqualFold(strings.TrimSuffix(v.Domain, "."), strings.TrimSuffix(d.Domain, ".")) {
		return by + " that holds"
	}
	// RFC 6376 8.15: a From that was put above the signed one is what a reader sees.
	signed := 0
	for _, key := range v.HeaderKeys {
		if strings.EqualFold(key, "From") {
			signed++
		}
	}
	if there := len(m.raw("From")); there > signed {
		return fmt.Sprintf("%s that covers %d of %d From fields", by, signed, there)
	}
	return ""
}

// letter is the message from its first header field on, with the CRLF line ends that it
// was signed with.
func (m *Message) letter() []byte {
	raw := m.Raw
	if bytes.HasPrefix(raw, []byte("From ")) {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}

// keys looks keys up, one at a time: the verifier asks from several goroutines.
type keys struct {
	of     *DKIM
	ctx    context.Context
	mu     sync.Mutex
	failed error // of a look-up for the demanded domain
}

func (d *DKIM) keys(ctx context.Context) *keys { return &keys{of: d, ctx: ctx} }

func (k *keys) lookup(name string) ([]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, domain, _ := strings.Cut(name, "._domainkey.")
	if !strings.EqualFold(strings.TrimSuffix(domain, "."), strings.TrimSuffix(k.of.Domain, ".")) {
		return nil, errors.New("not asked for: another domain's signature was demanded")
	}
	if k.of.Key != nil {
		record, err := keyRecord(k.of.Key)
		return []string{record}, err
	}
	records, err := k.of.Lookup(k.ctx, name)
	if err != nil {
		k.failed = fmt.Errorf("looking up the key %s: %w", name, err)
	}
	return records, err
}

// keyRecord is a key as DNS has it (RFC 6376 3.6.1, RFC 8463 4).
func keyRecord(key crypto.PublicKey) (string, error) {
	if ed, ok := key.(ed25519.PublicKey); ok {
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(ed), nil
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("the key: %w", err)
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), nil
}
