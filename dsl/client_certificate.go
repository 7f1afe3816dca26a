package dsl

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine"
)

// isPEM tells PEM text from the name of a file.
func isPEM(s string) bool { return strings.Contains(s, "-----BEGIN ") }

// clientPEM is the PEM text that an option stands for, and what errors call it.
// A file may lie anywhere, as that of a CA may: it is read for the handshake,
// and its content reaches neither the script nor an error.
func (s *Script) clientPEM(option, value string) (text []byte, name string, err error) {
	if isPEM(value) {
		return []byte(value), "the text given as " + option, nil
	}
	if fs.ValidPath(value) {
		text, err = s.read(value)
	} else { // not below the script's folder
		text, err = s.readPEM(value)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: file %q: %w (a secret does as well: %s = secret \"%s\", with --secret %s=@FILE)", option, value, err, option, option, option)
	}
	return text, value, nil
}

// clientPair makes the certificate of the options cert and key; without a key
// it lies in cert too.
func (s *Script) clientPair(cert, key string) (*tls.Certificate, error) {
	text, name, err := s.clientPEM("cert", cert)
	if err != nil {
		return nil, err
	}
	keyText, keyName := text, name
	if key != "" {
		if keyText, keyName, err = s.clientPEM("key", key); err != nil {
			return nil, err
		}
	}
	pair, err := engine.LoadClientCertificate(text, name, keyText, keyName)
	if err != nil {
		return nil, fmt.Errorf("cert: %w", err)
	}
	return pair, nil
}

// clientCertificate reads the options cert and key, nil where they are not given.
func (c *call) clientCertificate() *tls.Certificate {
	cert, key := c.optText("cert"), c.optText("key")
	if cert == "" && key == "" && c.option("cert") == lua.LNil && c.option("key") == lua.LNil {
		return nil
	}
	for _, text := range []string{cert, key} {
		for _, secret := range keyLines(text) {
			c.s.log.Redactor.AddSeen("key", secret)
		}
	}
	switch {
	case cert == "":
		c.wrong("key of %s is the key of cert, and cert is not given, or empty", c.v.name)
	case key == "" && c.option("key") != lua.LNil:
		c.wrong("key of %s is empty", c.v.name)
	}
	pair, err := c.home().clientPair(cert, key)
	if err != nil {
		c.wrong("%v", err)
	}
	return pair
}

// keyLines are what must not be shown of a PEM text: of a key that stands in it
// the whole, and each line, for it may be written down in pieces.
func keyLines(text string) []string {
	var secrets []string
	for {
		at := strings.Index(text, "PRIVATE KEY-----")
		if at < 0 {
			return secrets
		}
		body, rest, _ := strings.Cut(text[at+len("PRIVATE KEY-----"):], "-----END")
		text = strings.TrimPrefix(rest[strings.Index(rest, "\n")+1:], "\n")
		var whole strings.Builder
		for line := range strings.FieldsSeq(body) {
			whole.WriteString(line)
			if len(line) >= shortestKeyLine {
				secrets = append(secrets, line)
			}
		}
		secrets = append(secrets, whole.String())
	}
}

// shortestKeyLine is the length from which on a line of a key tells something.
const shortestKeyLine = 16

// checkClient says what is wrong with a client's certificate that is written
// out, before anything is sent.
func (s *Script) checkClient(m *module, v *verb, c callSite) Problems {
	if _, takes := v.option("cert"); !takes {
		return nil
	}
	_, options := splitArgs(v, c)
	written := func(name string) (value string, line int, given bool) {
		i := slices.IndexFunc(options, func(f field) bool { return f.key == name })
		if i < 0 {
			return "", 0, false
		}
		n := nodeOfExpr(options[i].value)
		return n.str, options[i].line, n.kind != nilNode
	}
	cert, line, hasCert := written("cert")
	key, keyLine, hasKey := written("key")
	for _, text := range []string{cert, key} {
		s.hidden = append(s.hidden, keyLines(text)...)
	}
	var err error
	switch {
	case hasKey && !hasCert:
		return Problems{m.problem(keyLine, "key", "key is the key of cert, and cert is not given")}
	case cert == "":
		return nil // not given, or not written out
	case hasKey && key == "":
		_, _, err = s.clientPEM("cert", cert)
	default:
		_, err = s.clientPair(cert, key)
	}
	if err != nil {
		return Problems{m.problem(line, cert, err.Error())}
	}
	return nil
}
