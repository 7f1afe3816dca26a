package mailbox

import (
	"context"
	"crypto"
	"fmt"
)

// Demand is what a message must be. All that is set must hold; the zero value
// demands nothing, which Check says is an error.
type Demand struct {
	From    Want            // the envelope's sender; "" is <>. Domains ignore case
	To      Want            // an envelope recipient. Domains ignore case
	Subject Want            // as Header["Subject"]
	Token   string          // a text that must be anywhere, in the header or the body, as written or decoded
	Header  map[string]Want // by the field's name, which ignores case: values unfolded, encoded words decoded
	Report  map[string]Want // the fields of a delivery status notification (RFC 3464 2), names ignoring case
	Body    Want            // the text of the body, decoded, with LF line ends and without those at its end
	DKIM    *DKIM           // a signature that must hold; nil for none
}

// DKIM demands a valid signature (RFC 6376) by a domain.
type DKIM struct {
	Domain string // the d= of a signature that must hold
	// Key is the public key, an *rsa.PublicKey or ed25519.PublicKey; nil to look it up.
	Key crypto.PublicKey
	// Lookup gives the TXT records of a name such as s1._domainkey.example.com, the
	// strings of each joined. An error ends the judgement of that signature.
	Lookup func(ctx context.Context, name string) ([]string, error)
}

// Check returns an error for a demand that every message meets, or none can.
func (d Demand) Check() error { return nil }

// Judge says whether the message is as demanded, and what is not. ctx bounds
// the look-ups of keys.
func (d Demand) Judge(ctx context.Context, m *Message) (held bool, why []Difference) {
	return false, nil
}

// Difference is one thing that is not as demanded.
type Difference struct {
	What string // "header Subject", "envelope recipient", "report Status"
	Want string // what was demanded, in words
	Got  string // what there was, in words
	Err  error  // why it could not be judged at all, as when a key could not be looked up; nil where it was judged
}

// String is the difference as a failure shows it.
func (d Difference) String() string {
	if d.Err != nil {
		return fmt.Sprintf("%s: expected %s, which could not be judged: %v", d.What, d.Want, d.Err)
	}
	return fmt.Sprintf("%s: expected %s, got %s", d.What, d.Want, d.Got)
}
