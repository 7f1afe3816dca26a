package dsl

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"smtplay/engine"
	"smtplay/engine/resolver"
)

// tlsaKeys are the keys of tlsa where it says whom to ask.
var tlsaKeys = []string{"resolver", "name", "port"}

var errNoResolver = errors.New(`tlsa is a record, as "3 1 1 …", a list of them, or says whom to ask for them: { resolver = "127.0.0.1:53" }; without that nobody is asked`)

// tlsa reads the option tlsa: records that are written down, or those that a
// resolver has. That it could not be asked is the error.
func (c *call) tlsa(conv *conversation) (*engine.TLSAWant, error) {
	t, isTable := c.option("tlsa").(*lua.LTable)
	if !isTable || t.Len() > 0 || isEmpty(t) {
		texts := c.words("tlsa")
		if texts == nil {
			return nil, nil
		}
		want := &engine.TLSAWant{}
		for _, s := range texts {
			r, _ := engine.ParseTLSA(s) // words has tried it
			want.Records = append(want.Records, r)
		}
		return want, nil
	}
	at, host, port := c.tlsaPlace(conv, t)
	owner := resolver.TLSAName(host, port)
	if name := c.s.log.Redactor.HoldsSecret([]byte(owner)); name != "" {
		c.wrong("tlsa: nobody was asked: the name holds the secret %q", name)
	}
	want, err := engine.LookupTLSA(c.s.ctx, at, owner)
	want.Name = strings.TrimSuffix(host, ".")
	if c.s.ctx.Err() != nil {
		c.s.failed(c.LState, conv, &engine.Error{Op: "tlsa", Kind: engine.Interrupted})
	}
	var failed *resolver.Error
	switch {
	case errors.As(err, &failed) && failed.ServFail:
		// Mail servers put their mail off for that (RFC 7672 2.1.2): it is a verdict.
		want.Problem, err = failed.Error(), nil
	case err != nil:
		want.Problem = err.Error()
	}
	noteTLSA(conv, at, want)
	return &want, err
}

// noteTLSA says in the transcript what was asked and answered.
func noteTLSA(conv *conversation, at *resolver.Resolver, want engine.TLSAWant) {
	switch {
	case want.Problem != "":
		conv.Note("%s TLSA: %s", want.Owner, want.Problem)
	case len(want.Records) == 0:
		conv.Note("%s TLSA: there is none, says %s", want.Owner, at)
	default:
		conv.Note("%s TLSA: %s, says %s, authenticated", want.Owner, engine.ListTLSA(want.Records), at)
	}
	if !at.Local() {
		conv.Note("that an answer of %s is authenticated is worth what the way to it is: mail servers ask a resolver of their own machine (RFC 7672 2.1.3)", at)
	}
}

// tlsaPlace is whom to ask for what: by default for the name that the handshake
// checked, and the port that was dialled.
func (c *call) tlsaPlace(conv *conversation, t *lua.LTable) (at *resolver.Resolver, host string, port int) {
	if t.Metatable != lua.LNil {
		c.wrong("tlsa of %s is a plain table, not one with a metatable", c.v.name)
	}
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		if name := k.String(); k.Type() != lua.LTString || !slices.Contains(tlsaKeys, name) {
			c.wrong("%v", unknownOption("tlsa", name, tlsaKeys))
		}
	}
	if t.RawGetString("resolver") == lua.LNil {
		c.wrong("%v", errNoResolver)
	}
	server, err := resolver.ParseServer(c.asText(t.RawGetString("resolver"), "resolver of tlsa"))
	if err != nil {
		c.wrong("tlsa: %v", err)
	}
	at = c.s.env.Options.Resolver.Asking(server)
	host = conv.TLS().ServerName
	if v := t.RawGetString("name"); v != lua.LNil {
		host = c.asText(v, "name of tlsa")
	}
	if err := resolver.CheckName(host); err != nil {
		c.wrong("tlsa: %v; name = \"mail.example.com\" says whose records are meant", err)
	}
	if v := t.RawGetString("port"); v != lua.LNil {
		if port, err = portOf(nodeOf(v, 0)); err != nil {
			c.wrong("tlsa: %v", err)
		}
		return at, host, port
	}
	_, dialled, _ := net.SplitHostPort(conv.Address())
	if port, _ = strconv.Atoi(dialled); port == 0 {
		c.wrong("tlsa: %s has no port: port = 25 says whose records are meant", conv.Address())
	}
	return at, host, port
}

func portOf(n node) (int, error) {
	if n.kind != numberNode || n.num != float64(int(n.num)) || n.num < 1 || n.num > 65535 {
		return 0, fmt.Errorf("port is a number from 1 to 65535, not %v", n)
	}
	return int(n.num), nil
}

// checkTLSA says what cannot be right in a tlsa that is written out, and at which word.
func checkTLSA(e ast.Expr) (word string, err error) {
	value, ok := literal(e)
	table, isTable := value.(literalTable)
	if !isTable || len(table.named) == 0 {
		if n := nodeOfExpr(e); ok && !isTable && n.kind != stringNode && n.kind != nilNode {
			return "", errNoResolver
		}
		return misspelt(spellings[tlsaKind], e)
	}
	if len(table.positional) > 0 {
		return "", errNoResolver
	}
	asked := false
	for _, f := range table.named {
		n := nodeOfExpr(f.value)
		switch f.key {
		case "resolver":
			asked = true
			if n.kind == stringNode {
				_, err = resolver.ParseServer(n.str)
			}
		case "name":
			if n.kind == stringNode {
				err = resolver.CheckName(n.str)
			}
		case "port":
			if n.kind != unknownNode && n.kind != nilNode {
				_, err = portOf(n)
			}
		default:
			return f.key, unknownOption("tlsa", f.key, tlsaKeys)
		}
		if err != nil {
			return wordOf(f.value, n), err
		}
	}
	if !asked {
		return "", errNoResolver
	}
	return "", nil
}
