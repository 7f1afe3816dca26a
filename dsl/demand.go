package dsl

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine/mailbox"
	"smtplay/engine/wire"
)

// messageDemands are what a message can be asked for, wherever it arrived.
var messageDemands = []param{
	{name: "from", kind: demandKind, doc: `the sender of the envelope; "" is <>`},
	{name: "to", kind: demandKind, doc: "a recipient of the envelope"},
	{name: "subject", kind: demandKind, doc: "the Subject, decoded"},
	{name: "token", kind: textKind, doc: "a text that stands anywhere in it, in the header or in the body"},
	{name: "header", kind: demandsKind, doc: `fields of the header: { Subject = "x", ["X-Spam"] = false }; unfolded and decoded`},
	{name: "report", kind: demandsKind, doc: `fields of a delivery report (RFC 3464): { Action = "failed", Status = "5.x.x" }; those of a recipient must all be of one`},
	{name: "body", kind: demandKind, doc: "the text of its body, decoded"},
	{name: "dkim", kind: dkimKind, doc: `a domain whose DKIM signature must hold (RFC 6376): "example.com", or { "example.com", key = "MII…" } where its key is not to be looked up`},
}

var demandOptions = []string{"text", "match"}

// readWant reads what is demanded of a value. Where status is true a text such
// as "2.x.x" is a pattern of enhanced status codes.
func readWant(n node, status bool) (mailbox.Want, error) {
	switch n.kind {
	case unknownNode:
		return mailbox.Want{}, nil
	case stringNode:
		if status && wire.ValidEnhanced(n.str) {
			return mailbox.Enhanced(n.str), nil
		}
		return mailbox.Equal(n.str), nil
	case numberNode:
		return mailbox.Equal(n.String()), nil
	case boolNode:
		if n.truth {
			return mailbox.Present(), nil
		}
		return mailbox.Absent(), nil
	case tableNode:
		return readWantTable(n, status)
	}
	return mailbox.Want{}, fmt.Errorf(`%v demands nothing: write a text, { text = "…" }, { match = [[…]] }, a list of them, true or false`, n)
}

func readWantTable(n node, status bool) (mailbox.Want, error) {
	if len(n.named) == 0 && len(n.list) > 0 {
		var any []mailbox.Want
		for _, item := range n.list {
			w, err := readWant(item, status)
			if err != nil || item.kind == unknownNode {
				return mailbox.Want{}, err
			}
			any = append(any, w)
		}
		w := mailbox.AnyOf(any...)
		return w, w.Check()
	}
	if len(n.named) != 1 || len(n.list) > 0 {
		return mailbox.Want{}, errors.New(`a value is demanded by { text = "…" } (contains), { match = [[…]] } (a regular expression) or a list, one at a time`)
	}
	o := n.named[0]
	switch {
	case !slices.Contains(demandOptions, o.name):
		return mailbox.Want{}, unknownOption("a demand", o.name, demandOptions)
	case o.value.kind == unknownNode:
		return mailbox.Want{}, nil
	case o.value.kind != stringNode:
		return mailbox.Want{}, fmt.Errorf("%s of a demand is a string, not %v", o.name, o.value)
	}
	w := mailbox.Contains(o.value.str)
	if o.name == "match" {
		re, err := regexp.Compile(o.value.str)
		if err != nil {
			return mailbox.Want{}, fmt.Errorf("match is no regular expression (RE2): %w", err)
		}
		w = mailbox.Match(re)
	}
	return w, w.Check()
}

// readWants reads demands by the names of fields.
func readWants(n node) (map[string]mailbox.Want, error) {
	if n.kind == unknownNode {
		return nil, nil
	}
	if n.kind != tableNode || len(n.list) > 0 {
		return nil, fmt.Errorf(`it is a table of fields, as in { Subject = "x" }, not %v`, n)
	}
	if len(n.named) == 0 {
		return nil, errors.New("it names no field, and so demands nothing")
	}
	wants := map[string]mailbox.Want{}
	for _, f := range n.named {
		w, err := readWant(f.value, strings.EqualFold(f.name, "Status"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		if f.value.kind != unknownNode {
			wants[f.name] = w
		}
	}
	return wants, nil
}

// readDKIM reads whose signature must hold.
func readDKIM(n node) (*mailbox.DKIM, error) {
	switch n.kind {
	case unknownNode:
		return nil, nil
	case stringNode:
		n = node{kind: tableNode, list: []node{n}}
	}
	if n.kind != tableNode || len(n.list) != 1 || n.list[0].kind != stringNode && n.list[0].kind != unknownNode {
		return nil, fmt.Errorf(`it is a domain, or { "example.com", key = "…" }, not %v`, n)
	}
	d := &mailbox.DKIM{Domain: n.list[0].str}
	if n.list[0].kind == stringNode && (d.Domain == "" || strings.ContainsAny(d.Domain, " @/:")) {
		return nil, fmt.Errorf("%q is no domain, as in example.com", d.Domain)
	}
	for _, o := range n.named {
		if o.name != "key" {
			return nil, unknownOption("dkim", o.name, []string{"key"})
		}
		if o.value.kind == unknownNode {
			continue
		}
		var err error
		if d.Key, err = dkimKey(o.value.str); err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
	}
	return d, nil
}

// dkimKey reads a public key as DNS publishes it (RFC 6376 3.6.1): the base64 of
// p=, with or without the tags around it.
func dkimKey(text string) (crypto.PublicKey, error) {
	for tag := range strings.SplitSeq(text, ";") {
		if p, ok := strings.CutPrefix(strings.TrimSpace(tag), "p="); ok {
			text = p
		}
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil || len(der) == 0 {
		return nil, errors.New("it is no base64 of a public key, as p= has it in the DNS")
	}
	if len(der) == ed25519.PublicKeySize { // RFC 8463 4: the bare key
		return ed25519.PublicKey(der), nil
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		var pkcs1 *rsa.PublicKey
		if pkcs1, err = x509.ParsePKCS1PublicKey(der); err == nil {
			return pkcs1, nil
		}
	}
	switch key.(type) {
	case *rsa.PublicKey, ed25519.PublicKey:
		return key, nil
	}
	return nil, errors.New("it is no public key of RSA or Ed25519")
}

// readDemand reads all that is demanded of a message; what is not given demands
// nothing.
func (c *call) readDemand() mailbox.Demand {
	d := mailbox.Demand{Token: c.optText("token")}
	for name, w := range map[string]*mailbox.Want{"from": &d.From, "to": &d.To, "subject": &d.Subject, "body": &d.Body} {
		*w = c.want(name)
	}
	var err error
	d.Header, d.Report = c.wants("header"), c.wants("report")
	if v := c.option("dkim"); v != lua.LNil {
		if d.DKIM, err = readDKIM(nodeOf(v, 0)); err != nil {
			c.wrong("dkim of %s: %v", c.v.fullName(), err)
		}
	}
	if c.option("token") != lua.LNil && d.Token == "" {
		c.wrong("token of %s is empty: every message has it", c.v.fullName())
	}
	if d.DKIM != nil && d.DKIM.Key == nil {
		d.DKIM.Lookup = c.s.env.Options.Resolver.LookupTXT
	}
	return d
}

// want is the option name as a demand.
func (c *call) want(name string) mailbox.Want {
	v := c.option(name)
	if v == lua.LNil {
		return mailbox.Want{}
	}
	w, err := readWant(nodeOf(v, 0), false)
	if err != nil {
		c.wrong("%s of %s: %v", name, c.v.fullName(), err)
	}
	return w
}

// wants is the option name as demands by the names of fields.
func (c *call) wants(name string) map[string]mailbox.Want {
	v := c.option(name)
	if v == lua.LNil {
		return nil
	}
	w, err := readWants(nodeOf(v, 0))
	if err != nil {
		c.wrong("%s of %s: %v", name, c.v.fullName(), err)
	}
	return w
}
