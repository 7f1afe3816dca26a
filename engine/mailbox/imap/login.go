package imap

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// login logs in: by PLAIN (RFC 4616) where that is offered, else by the command LOGIN.
func (b *Box) login(w *wire) error {
	offered, err := w.capabilities()
	if err != nil {
		return err
	}
	var mechanisms []string
	for _, o := range offered {
		if m, ok := strings.CutPrefix(o, "AUTH="); ok {
			mechanisms = append(mechanisms, m)
		}
	}
	switch {
	case slices.Contains(mechanisms, "PLAIN"):
		err = w.ask(nil, "AUTHENTICATE PLAIN", base64.StdEncoding.EncodeToString([]byte("\x00"+b.o.User+"\x00"+b.o.Password)))
	case slices.Contains(offered, "LOGINDISABLED"):
		also := ""
		if len(mechanisms) > 0 {
			also = ", but " + b.said(strings.Join(mechanisms, ", "))
		}
		return b.fault("login", NotOffered, "nothing of the login was sent: the server offers neither PLAIN nor LOGIN here (LOGINDISABLED)"+also+"; what it offers over TLS may differ", nil)
	default:
		err = w.ask(nil, arguments("LOGIN", b.o.User, b.o.Password)...)
	}
	var refused *refusal
	if errors.As(err, &refused) {
		e := b.fault("login", Login, "the server refused the login of "+b.o.User, nil)
		e.Text = b.said(refused.text)
		return e
	}
	return err
}

// arguments makes the parts of a command with strings (RFC 3501 4.3): quoted, or as literals where that cannot be.
func arguments(command string, all ...string) []string {
	parts := []string{command}
	for _, a := range all {
		last := &parts[len(parts)-1]
		if strings.ContainsFunc(a, func(r rune) bool { return r < ' ' || r > '~' }) {
			*last += fmt.Sprintf(" {%d}", len(a))
			parts = append(parts, a)
			continue
		}
		*last += ` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a) + `"`
	}
	return parts
}
