package engine

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
)

// digestClient is DIGEST-MD5 (RFC 2831; historic by RFC 6331), authentication
// alone: no layer of it protects what follows. It believes a success only after
// the server has shown, by its rspauth, that it knows the password.
type digestClient struct {
	who    Credentials
	uri    string // the service and the host that the client means (section 2.1.2)
	cnonce string // made up, unless a test sets it
	want   string // the rspauth that is right, "" before we have answered
	proven bool
}

func digestMD5(c Credentials) sasl.Client {
	service := "smtp/"
	if c.Channel.LMTP {
		service = "lmtp/"
	}
	return &digestClient{who: c, uri: service + c.Channel.Host, cnonce: rand.Text()}
}

// Start implements sasl.Client. The server speaks first.
func (d *digestClient) Start() (mech string, ir []byte, err error) { return "DIGEST-MD5", nil, nil }

// Next implements sasl.Client.
func (d *digestClient) Next(challenge []byte) ([]byte, error) {
	if d.proven {
		return nil, sasl.ErrUnexpectedServerChallenge
	}
	said, err := parseDirectives(string(challenge))
	if err != nil {
		return nil, fmt.Errorf("the challenge %s is none of DIGEST-MD5: %w", d.who.Channel.clipped(string(challenge)), err)
	}
	if d.want == "" {
		return d.answer(said)
	}
	if got := said["rspauth"]; len(got) != 1 || !hmac.Equal([]byte(strings.ToLower(got[0])), []byte(d.want)) {
		return nil, fmt.Errorf("the server's rspauth is wrong: it does not know the password, or the exchange was tampered with: %s", d.who.Channel.clipped(string(challenge)))
	}
	d.proven = true
	return nil, nil
}

// answer is the response of RFC 2831 section 2.1.2.
func (d *digestClient) answer(said map[string][]string) ([]byte, error) {
	one := func(name string) string {
		if v := said[name]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	switch {
	case len(said["nonce"]) != 1 || one("nonce") == "":
		return nil, errors.New("the challenge has not one nonce, as DIGEST-MD5 must have")
	case len(said["algorithm"]) != 1 || one("algorithm") != "md5-sess":
		return nil, fmt.Errorf("the challenge has the algorithm %s, and DIGEST-MD5 has md5-sess alone", d.who.Channel.clipped(one("algorithm")))
	case said["qop"] != nil && !slices.Contains(splitList(one("qop")), "auth"):
		return nil, fmt.Errorf("the server wants to protect what follows (qop %s), and smtplay leaves that to TLS", d.who.Channel.clipped(one("qop")))
	}
	realm := d.who.Realm
	if offered := said["realm"]; realm == "" && len(offered) > 0 {
		realm = offered[0]
	} else if realm != "" && len(offered) > 0 && !slices.Contains(offered, realm) {
		return nil, fmt.Errorf("the realm %q is not offered: the server has %q", realm, offered)
	}
	utf := one("charset") == "utf-8"
	user, nonce, identity := d.who.User, one("nonce"), d.who.Identity

	// RFC 2831 section 2.1.2.1: what fits into ISO 8859-1 is hashed so.
	secret := md5.Sum([]byte(latin1(user) + ":" + latin1(realm) + ":" + latin1(d.who.Password)))
	a1 := string(secret[:]) + ":" + nonce + ":" + d.cnonce
	if identity != "" {
		a1 += ":" + identity
	}
	digest := func(a2 string) string {
		return hexMD5(strings.Join([]string{hexMD5(a1), nonce, "00000001", d.cnonce, "auth", hexMD5(a2)}, ":"))
	}
	d.want = digest(":" + d.uri)

	var out []string
	if utf {
		out = append(out, "charset=utf-8")
	} else {
		user, realm = latin1(user), latin1(realm)
	}
	out = append(out, "username="+quotedString(user))
	if len(said["realm"]) > 0 || d.who.Realm != "" {
		out = append(out, "realm="+quotedString(realm))
	}
	out = append(out, "nonce="+quotedString(nonce), "nc=00000001", "cnonce="+quotedString(d.cnonce),
		"digest-uri="+quotedString(d.uri), "response="+digest("AUTHENTICATE:"+d.uri), "qop=auth")
	if identity != "" {
		out = append(out, "authzid="+quotedString(identity))
	}
	return []byte(strings.Join(out, ",")), nil
}

// Unproven implements prover.
func (d *digestClient) Unproven() string {
	switch {
	case d.want == "":
		return "before DIGEST-MD5 had answered a challenge: nothing was checked"
	case !d.proven:
		return "before it had sent its rspauth: whether it knows the password was not proven to DIGEST-MD5"
	}
	return ""
}

func hexMD5(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// latin1 is s in ISO 8859-1 where it fits, else as it is.
func latin1(s string) string {
	var out []byte
	for _, r := range s {
		if r > 0xff {
			return s
		}
		out = append(out, byte(r))
	}
	return string(out)
}

func quotedString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// splitList is a comma list inside a value.
func splitList(s string) []string {
	var all []string
	for v := range strings.SplitSeq(s, ",") {
		all = append(all, strings.TrimSpace(v))
	}
	return all
}

// parseDirectives reads name=value pairs with commas between (RFC 2831 section
// 7.1): the values of each name, which is in lower case, in their order. Blanks
// around and empty elements between are allowed, as the grammar has them.
func parseDirectives(s string) (map[string][]string, error) {
	said := map[string][]string{}
	for {
		s = strings.TrimLeft(s, ", \t\r\n")
		if s == "" {
			break
		}
		name, rest, ok := strings.Cut(s, "=")
		if name = strings.ToLower(strings.TrimSpace(name)); !ok || name == "" || strings.ContainsAny(name, "\", \t") {
			return nil, errors.New("it is no list of name=value")
		}
		value, left, err := directiveValue(strings.TrimLeft(rest, " \t\r\n"))
		if err != nil {
			return nil, err
		}
		if left = strings.TrimLeft(left, " \t\r\n"); left != "" && left[0] != ',' {
			return nil, fmt.Errorf("what follows the value of %s is no comma", name)
		}
		said[name] = append(said[name], value)
		s = left
	}
	if len(said) == 0 {
		return nil, errors.New("it is empty")
	}
	return said, nil
}

// directiveValue reads a token or a quoted string, and returns what is left.
func directiveValue(s string) (value, left string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ", \t\r\n\"")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", errors.New("a quoted string has no end")
}
