package paste

import (
	"bytes"
	"strings"
)

// tool is what printed a conversation, where that makes a difference.
type tool uint8

const (
	unknownTool tool = iota
	swaks
	curl
	sclient
	exim     // -d and -v: what has no SMTP mark is debug output
	eximTest // -bh: what begins with >>> is
	postfix  // a log
)

// hangUps are the lines with which tools tell the end of a connection, and by
// whom it was ended. What message text might say too counts only where it is known
// that the tool printed the rest.
var hangUps = map[string]struct {
	by   string
	tool tool // unknownTool for any
}{
	"Connection closed by foreign host.": {by: "server"}, // telnet
	"Ncat: Connection reset by peer.":    {by: "reset"},
	"closed":                             {"server", sclient},
	"DONE":                               {"client", sclient},
	"read:errno=0":                       {"server", sclient},
	"read:errno=104":                     {"reset", sclient},
	"=== Connection closed with remote host.":         {by: "client"}, // swaks
	"*** Remote host closed connection unexpectedly.": {by: "server"},
	"* Recv failure: Connection reset by peer":        {"reset", curl},
	"* response reading failed (errno: 104)":          {"reset", curl},
	"SMTP(close)>>":                                   {"client", exim},
	"SMTP(shutdown)>>":                                {"client", exim},
}

// hangsUp says whether a line tells the end of the connection, and by whom.
func (c *conversation) hangsUp(said []byte) (by string, ok bool) {
	if string(said) == "Connection closed." { // telnet, left by ^]
		return "client", c.reached && c.tool == unknownTool
	}
	h, ok := hangUps[string(said)]
	return h.by, ok && (h.tool == unknownTool || h.tool == c.tool)
}

// known are the beginnings of lines that tools print beside a conversation and
// that say nothing about it.
var known = [][]byte{
	[]byte("Escape character is "), []byte("telnet> "), []byte("Script started on "), []byte("Script done on "),
	[]byte("```"), []byte("~~~"), []byte("Ncat: Version "), []byte("Warning: Inverse name lookup failed"),
	[]byte("% Total "), []byte("Dload "), []byte("C & S: <"),
}

// toolSays reads a line that a tool prints of itself; ok is false where it is
// none.
func (c *conversation) toolSays(said []byte) (v verdict, ok bool) {
	if c.tool == sclient || sclientBegins(said) {
		if v, ok := c.sclientSays(said); ok {
			return v, true
		}
	}
	if by, ok := c.hangsUp(said); ok {
		c.hangUp(by)
		return taken, true
	}
	if c.tool == exim && said[0] != 'C' {
		return taken, c.eximSays(said)
	}
	if to, ok := reaches(said); ok {
		return c.reach(to), true
	}
	for _, k := range known {
		if bytes.HasPrefix(said, k) {
			return taken, true
		}
	}
	switch said[0] {
	case '=':
		return taken, c.swaksSays(said)
	case '*':
		if v, ok := c.transcriptSays(said); ok {
			return v, true
		}
		return taken, c.swaksSays(said) || c.curlSays(said) || c.eximSays(said)
	case '{', '}':
		return taken, dataCount.Match(said)
	case ':':
		return taken, string(said) == "::" // of reStructuredText
	}
	if isDigit(said[0]) {
		return taken, bytes.Contains(said, []byte("--:--:--")) // curl's progress
	}
	return taken, c.eximSays(said)
}

// dataCount is what curl says of bytes that it does not show.
var dataCount = lazily(`^[{}] \[\d+ bytes data\]$`)

// swaksSays reads what swaks says of itself: behind === what it does, behind ***
// what went wrong.
func (c *conversation) swaksSays(said []byte) bool {
	if text, ok := bytes.CutPrefix(said, []byte("=== ")); ok {
		if c.tool != swaks && !swaksWord.Match(text) {
			return false // a heading
		}
		c.tool = swaks
		if m := swaksCipher.FindSubmatch(text); m != nil {
			c.tls.version, c.tls.cipher = tlsVersion(string(m[1])), string(m[2])
			c.tlsSeen()
		} else if m := swaksPeer.FindSubmatch(text); m != nil {
			c.tls.subject = slashes(string(m[1]))
		}
		return true
	}
	text, ok := bytes.CutPrefix(said, []byte("*** "))
	if !ok || c.tool != swaks {
		return false
	}
	c.settleMaybe()
	c.note("swaks: %s", bytes.TrimSpace(text))
	return true
}

var (
	swaksWord   = lazily(`^(Trying|Tried|Connected|Connection closed|TLS|Address|Host|Looking|MX|Using|Message|response in|STARTTLS) ?`)
	swaksCipher = lazily(`^TLS started with cipher ([^:]+):([^:]+)`)
	swaksPeer   = lazily(`^TLS peer(?: DN=|\[0\]\s+subject=\[)"?/?([^"\]]*)`)
	curlCipher  = lazily(`^SSL connection using (\S+) / (\S+)`)
	curlVerdict = lazily(`^SSL certificate verify result: (.*) \(\d+\)`)
)

// curlSays reads what curl says of itself, behind an asterisk. Lists have one too:
// curl must have begun, and not be done.
func (c *conversation) curlSays(said []byte) bool {
	text := bytes.TrimLeft(said[1:], " ")
	if said[0] != '*' || len(text) == len(said)-1 || c.tool != curl && !curlBegins(text) || c.gap && c.closed != "" {
		return false
	}
	c.tool = curl
	if bytes.HasPrefix(text, []byte("Closing connection")) || bytes.HasPrefix(text, []byte("shutting down connection")) {
		c.hangUp("client")
	}
	if m := curlCipher.FindSubmatch(text); m != nil {
		c.tls.version, c.tls.cipher = tlsVersion(string(m[1])), string(m[2])
		c.tlsSeen()
	}
	if m := curlVerdict.FindSubmatch(text); m != nil {
		c.tls.verdict = "unverified: " + string(m[1])
	}
	if subject, ok := bytes.CutPrefix(text, []byte("subject: ")); ok {
		c.tls.subject = string(subject)
	}
	if bytes.HasPrefix(text, []byte("SSL certificate verify ok")) {
		c.tls.verdict = "verified"
	}
	return true
}

func curlBegins(text []byte) bool {
	for _, begin := range []string{"Host ", "IPv4: ", "IPv6: ", "Connecting to ", "Rebuilt URL to: ", "Could not resolve", "connect to ", "Uses proxy"} {
		if bytes.HasPrefix(text, []byte(begin)) {
			return true
		}
	}
	return false
}

// tlsFacts are what a tool tells of a handshake.
type tlsFacts struct{ version, cipher, subject, verdict string }

// String is the line of a transcript, with what is known.
func (t tlsFacts) String() string {
	var words []string
	for _, w := range []string{t.version, t.cipher, t.subject, t.verdict} {
		if w != "" {
			words = append(words, strings.ToValidUTF8(w, "?"))
		}
	}
	return strings.Join(words, " ")
}

// tlsSeen: a handshake was told of. Where no STARTTLS comes before it, and no
// greeting, it was the first thing of all.
func (c *conversation) tlsSeen() {
	if !c.encrypted && (!c.greeted || c.marked) {
		c.tlsDue = true
	}
}

// tlsVersion is a version as a transcript has it: TLS1.3 for TLSv1.3.
func tlsVersion(s string) string {
	s = strings.Replace(s, "TLSv", "TLS", 1)
	if s == "TLS1" {
		s = "TLS1.0"
	}
	return s
}

// slashes writes the name /C=GB/CN=x with commas.
func slashes(dn string) string {
	return strings.ReplaceAll(strings.TrimPrefix(dn, "/"), "/", ",")
}
