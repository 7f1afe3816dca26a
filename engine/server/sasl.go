package server

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/xdg-go/scram"

	"smtplay/engine/transcript"
)

// Replies of AUTH, RFC 4954 sections 4 and 6.
const (
	authOk      = "235 2.7.0 Authentication successful"
	authFailed  = "535 5.7.8 Authentication failed"
	authBase64  = "501 5.5.2 Cannot decode base64"
	authAborted = "501 5.7.0 Authentication aborted"
)

// exchange is one run of AUTH: given what the client said, it returns the next
// reply.
type exchange struct {
	users  map[string]string
	user   string
	first  func() string               // the challenge of a mechanism in which the server speaks first
	prompt string                      // what is said to a client that sends no initial response
	next   func(message string) string // takes the client's decoded message and returns the reply to it
}

// begin sets an exchange up, not ok for a mechanism that it does not know.
func (c *politeSession) begin(e *exchange, mechanism string) bool {
	name, plus := strings.CutSuffix(mechanism, "-PLUS")
	switch name {
	case "PLAIN":
		e.next = e.plain
	case "LOGIN":
		e.prompt, e.next = "Username:", e.loginUser
	case "CRAM-MD5":
		e.cram(c.Domain)
	case "DIGEST-MD5":
		e.digest(c.Domain)
	case "SCRAM-SHA-1":
		return c.scram(e, scram.SHA1, plus)
	case "SCRAM-SHA-256":
		return c.scram(e, scram.SHA256, plus)
	case "XOAUTH2", "OAUTHBEARER":
		e.bearer(mechanism)
	case "EXTERNAL": // the client's certificate is enough, whoever it says
		_, encrypted := c.s.TLS()
		e.next = func(message string) string {
			e.user = message
			if !encrypted {
				return authFailed
			}
			return authOk
		}
	case "ANONYMOUS":
		e.next = func(message string) string {
			e.user = "anonymous " + message
			return authOk
		}
	}
	return e.next != nil && !plus
}

func challenge(text string) string {
	return "334 " + base64.StdEncoding.EncodeToString([]byte(text))
}

// plain is RFC 4616.
func (e *exchange) plain(message string) string {
	parts := strings.Split(message, "\x00")
	if len(parts) != 3 {
		return authFailed
	}
	e.user = parts[1]
	return e.verdict(parts[2])
}

// loginUser is LOGIN, which was never standardized; its prompts are those that
// clients compare with.
func (e *exchange) loginUser(message string) string {
	e.user, e.next = message, e.verdict
	return challenge("Password:")
}

func (e *exchange) verdict(password string) string {
	right, ok := e.users[e.user]
	return verdict(ok && right == password)
}

func verdict(right bool) string {
	if right {
		return authOk
	}
	return authFailed
}

// cram is RFC 2195.
func (e *exchange) cram(domain string) {
	nonce := "<" + rand.Text() + "@" + domain + ">"
	e.first = func() string { return nonce }
	e.next = func(message string) string {
		m, _ := transcript.ReadSASL("CRAM-MD5", message)
		e.user = m.User
		password, known := e.users[e.user]
		mac := hmac.New(md5.New, []byte(password))
		mac.Write([]byte(nonce))
		return verdict(known && m.Proof == hex.EncodeToString(mac.Sum(nil)))
	}
}

// digest is RFC 2831, for a client that asks for nothing but authentication.
func (e *exchange) digest(domain string) {
	nonce := rand.Text()
	e.first = func() string {
		return fmt.Sprintf(`nonce="%s",realm="%s",qop="auth",charset=utf-8,algorithm=md5-sess`, nonce, domain)
	}
	e.next = func(message string) string {
		value := func(name string) string {
			_, rest, _ := strings.Cut(","+message, ","+name+"=")
			if strings.HasPrefix(rest, `"`) {
				rest, _, _ = strings.Cut(rest[1:], `"`)
				return rest
			}
			rest, _, _ = strings.Cut(rest, ",")
			return rest
		}
		e.user = value("username")
		password, known := e.users[e.user]
		sum := func(s string) string {
			h := md5.Sum([]byte(s))
			return hex.EncodeToString(h[:])
		}
		secret := md5.Sum([]byte(e.user + ":" + value("realm") + ":" + password))
		a1 := string(secret[:]) + ":" + nonce + ":" + value("cnonce")
		if identity := value("authzid"); identity != "" {
			a1 += ":" + identity
		}
		response := func(method string) string {
			return sum(sum(a1) + ":" + nonce + ":" + value("nc") + ":" + value("cnonce") + ":auth:" + sum(method+":"+value("digest-uri")))
		}
		if !known || value("realm") != domain || value("nonce") != nonce || value("response") != response("AUTHENTICATE") {
			return authFailed
		}
		e.next = func(message string) string { return verdict(message == "") }
		return challenge("rspauth=" + response(""))
	}
}

// scram is RFC 5802 and RFC 7677. A client that says it could bind, while we
// offer to, was lied to on the way: it is refused.
func (c *politeSession) scram(e *exchange, hash scram.HashGeneratorFcn, plus bool) bool {
	server, err := hash.NewServer(func(user string) (scram.StoredCredentials, error) {
		password, known := e.users[user]
		if !known {
			return scram.StoredCredentials{}, errors.New("unknown user")
		}
		client, err := hash.NewClient(user, password, "")
		if err != nil {
			return scram.StoredCredentials{}, err
		}
		return client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "salt of " + user, Iters: 4096})
	})
	if err != nil {
		return false
	}
	var binding scram.ChannelBinding
	offers := slices.ContainsFunc(c.mechanisms(), func(m string) bool { return strings.HasSuffix(m, "-PLUS") })
	if state, encrypted := c.s.TLS(); encrypted && offers {
		binding, _ = scram.NewTLSExporterBinding(&state)
	}
	talk := server.NewConversationWithChannelBinding(binding)
	if plus {
		talk = server.NewConversationWithChannelBindingRequired(binding)
	}
	e.next = func(message string) string {
		if talk.Done() {
			return verdict(message == "" && talk.Valid())
		}
		reply, err := talk.Step(message)
		e.user = talk.Username()
		if err != nil {
			return authFailed
		}
		return challenge(reply)
	}
	return true
}

// bearer is XOAUTH2 and OAUTHBEARER (RFC 7628): a token that is refused is told
// why, and refused when the client has answered that.
func (e *exchange) bearer(mechanism string) {
	e.next = func(message string) string {
		m, ok := transcript.ReadSASL(mechanism, message)
		e.user = m.User
		if right, known := e.users[e.user]; ok && known && right == m.Secret {
			return authOk
		}
		e.next = func(message string) string {
			if mechanism == "XOAUTH2" && message == "" || mechanism == "OAUTHBEARER" && message == "\x01" {
				return authFailed
			}
			return "501 5.5.2 Not the answer to the error"
		}
		return challenge(`{"status":"401","schemes":"bearer","scope":"https://mail.example.com/"}`)
	}
}

// reply decodes what the client sent and returns the reply to it.
func (e *exchange) reply(encoded string) string {
	if encoded == "*" {
		return authAborted
	}
	if encoded == "=" { // an empty initial response, RFC 4954 section 4
		encoded = ""
	}
	message, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return authBase64
	}
	if e.next == nil {
		return authFailed // a mechanism that only an Answer knows
	}
	return e.next(string(message))
}
