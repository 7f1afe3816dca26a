package paste

import (
	"bytes"

	"smtplay/engine/transcript"
)

// sclientBegins are the lines with which openssl s_client begins.
func sclientBegins(said []byte) bool {
	return bytes.HasPrefix(said, []byte("CONNECTED(")) || bytes.HasPrefix(said, []byte("depth=")) ||
		bytes.HasPrefix(said, []byte("Can't use SSL_get_servername"))
}

// sclientBlock are the lines that s_client prints about the connection, the
// certificates and the session, in any of its versions.
var sclientBlock = lazily(`^(` +
	`CONNECTED\(|Connecting to |Can't use SSL_get_servername|depth=|verify (error|return|depth)|` +
	`-----(BEGIN|END) |---$|Certificate chain$|Server certificate$|no peer certificate available$|` +
	`\d+ s:|i:|a:PKEY|v:NotBefore|subject=|issuer=|(No|Acceptable) client certificate CA names|/?[A-Z]+ ?= ?|` +
	`Client Certificate Types:|(Shared )?Requested Signature Algorithms:|Peer sign|(Server|Peer) Temp Key:|Negotiated |` +
	`SSL handshake has read|Verif(ication|ied peername)|New, |Reused, |Server public key is|Secure Renegotiation|This TLS version forbids|` +
	`Compression: |Expansion: |No ALPN negotiated|ALPN protocol:|Early data was|Max Early Data|Verify return code:|` +
	`SSL-Session:|Protocol *:|Cipher *:|Session-ID|Master-Key|Key-Arg|Krb5 Principal|PSK identity|SRP username|Resumption PSK|` +
	`TLS session ticket|[0-9a-f]{4,} - |Start Time:|Timeout *:|Extended master secret|Post-Handshake New Session Ticket|` +
	`read R BLOCK|read:errno|write:errno|SSL_connect:|OCSP response|Server did acknowledge|KTLS)`)

var pemLine = lazily(`^[A-Za-z0-9+/]{1,76}={0,2}$`)

// sclientSays reads a line of s_client's own. ok is false where it belongs to the
// conversation.
func (c *conversation) sclientSays(said []byte) (v verdict, ok bool) {
	switch {
	case c.certificate && pemLine.Match(said):
		return taken, true
	case bytes.Equal(said, []byte("RENEGOTIATING")):
		c.neverSent('R', renegotiated)
		return taken, true
	case bytes.Equal(said, []byte("DONE")):
		c.neverSent('Q', "s_client took this line for its own command and ended: it was never sent")
		c.hangUp("client")
		return taken, true
	case !sclientBlock.Match(said):
		return taken, false
	case c.tool != sclient || bytes.HasPrefix(said, []byte("CONNECTED(")) && len(c.entries) > 0:
		if len(c.entries) > 0 {
			return another, true
		}
		c.settleMaybe()
		c.tool, c.reached = sclient, true
	}
	c.certificate = bytes.HasPrefix(said, []byte("-----BEGIN ")) || c.certificate && !bytes.HasPrefix(said, []byte("-----END "))
	c.sclientFact(said)
	return taken, true
}

// sclientFact keeps what a line tells of the handshake.
func (c *conversation) sclientFact(said []byte) {
	if m := sclientCipher.FindSubmatch(said); m != nil {
		c.tls.version, c.tls.cipher = tlsVersion(string(m[1])), string(m[2])
	} else if m := sclientSession.FindSubmatch(said); m != nil {
		if m[1][0] == 'P' {
			c.tls.version = tlsVersion(string(m[2]))
		} else {
			c.tls.cipher = string(m[2])
		}
	} else if subject, ok := bytes.CutPrefix(said, []byte("subject=")); ok {
		c.tls.subject = slashes(string(bytes.ReplaceAll(subject, []byte(" = "), []byte("="))))
	} else if m := sclientVerdict.FindSubmatch(said); m != nil {
		if c.tls.verdict = "verified"; m[1][0] != '0' || len(m[1]) > 1 {
			c.tls.verdict = "unverified: " + string(m[2])
		}
	}
}

var (
	sclientCipher  = lazily(`^(?:New|Reused), (\S+), Cipher is (\S+)$`)
	sclientSession = lazily(`^(Protocol|Cipher) *: (\S+)$`)
	sclientVerdict = lazily(`^Verify return code: (\d+) \((.*)\)$`)
)

// inTheWay says whether a line is s_client's own in the middle of message text,
// of which a line that begins with R made it renegotiate.
func (c *conversation) inTheWay(b []byte) bool {
	if bytes.Equal(b, []byte("RENEGOTIATING")) {
		c.neverSent('R', renegotiated)
		c.renegotiates = true
		return true
	}
	c.renegotiates = c.renegotiates && sclientBlock.Match(b)
	return c.renegotiates
}

const renegotiated = "s_client took this line for its own command and renegotiated: it was never sent"

// neverSent takes back the line that was said last and had no reply, where
// s_client took its first letter for a command of its own.
func (c *conversation) neverSent(letter byte, why string) {
	last := len(c.entries) - 1
	if last < 0 || c.entries[last].Kind != transcript.Client || c.entries[last].Data[0] != letter {
		return
	}
	e := c.entries[last]
	switch {
	case c.text:
		c.textSize--
	case len(c.owed) > 0:
		c.owed = c.owed[:len(c.owed)-1]
		c.said--
	default:
		return
	}
	c.entries = c.entries[:last]
	c.unplaced(e.line, e.Data[:len(e.Data)-2], why)
}
