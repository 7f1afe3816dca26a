package dsl

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"smtplay/engine"
)

// spellings say of the kinds whose strings have a grammar of their own what is
// wrong with one. They are asked before the script runs where the string is
// written out, else where the verb is called.
var spellings = map[kind]func(string) error{
	versionKind:   func(s string) error { _, err := engine.VersionOf(s); return err },
	pinKind:       func(s string) error { _, err := engine.ParsePin(s); return err },
	keyTypeKind:   keyTypeSpelling,
	signatureKind: signatureSpelling,
	cipherKind:    cipherSpelling,
	tlsaKind:      func(s string) error { _, err := engine.ParseTLSA(s); return err },
	stapleKind:    func(s string) error { return oneOf("OCSP status", s, engine.StapleStatuses) },
	domainKind:    domainSpelling,
	addressKind:   func(s string) error { _, err := parseAddress(s); return err },
	resolverKind:  resolverSpelling,
}

func keyTypeSpelling(s string) error {
	if err := engine.Unspoken(s); err != nil {
		return err
	}
	return oneOf("type of key", s, engine.KeyTypes)
}

func signatureSpelling(s string) error {
	if engine.SignaturesNamed(s) != nil {
		return nil
	}
	if err := engine.Unspoken(s); err != nil {
		return err
	}
	return notOneOf("signature algorithm", s, engine.SignatureNames())
}

// cipherSpelling leads from a name that is nearly one to the suite.
func cipherSpelling(s string) error {
	_, err := engine.CipherNamed(s)
	if near := nearest(s, engine.CipherNames()); err != nil && near != "" {
		if unspoken := (*engine.UnspokenError)(nil); errors.As(err, &unspoken) {
			return fmt.Errorf("%w; the nearest that it speaks is %s", err, near)
		}
		return fmt.Errorf("%w: did you mean %q?", err, near)
	}
	return err
}

// oneOf says that s is none of the words that there are.
func oneOf(what, s string, known []string) error {
	if slices.Contains(known, s) {
		return nil
	}
	return notOneOf(what, s, known)
}

func notOneOf(what, s string, known []string) error {
	if near := nearest(s, known); near != "" {
		return fmt.Errorf("there is no %s %q: did you mean %q?", what, s, near)
	}
	for _, k := range known { // nearest leaves aside what differs by case alone in two letters
		if strings.EqualFold(k, s) {
			return fmt.Errorf("there is no %s %q: did you mean %q?", what, s, k)
		}
	}
	return fmt.Errorf("there is no %s %q: it is one of %s", what, s, strings.Join(known, ", "))
}

// misspelt finds the string in a value that its kind does not allow. The value
// is one, or a list of them; what is not written out says nothing.
func misspelt(spell func(string) error, e ast.Expr) (word string, err error) {
	if n := nodeOfExpr(e); n.kind == stringNode {
		return n.str, spell(n.str)
	}
	value, _ := literal(e)
	table, _ := value.(literalTable)
	for _, item := range table.positional {
		if word, err = misspelt(spell, item); err != nil {
			return word, err
		}
	}
	return "", nil
}

// words is the option name as a list of strings, each of them spelt as its kind
// asks; nil where it is not given.
func (c *call) words(name string) []string {
	list := c.optList(name)
	for _, s := range list {
		c.spelt(name, s)
	}
	return list
}

// word is the option name as a string, spelt as its kind asks; "" where it is
// not given.
func (c *call) word(name string) string {
	if c.option(name) == lua.LNil {
		return ""
	}
	s := c.optText(name)
	c.spelt(name, s)
	return s
}

func (c *call) spelt(name, s string) {
	if s == "" {
		c.wrong("%s of %s is empty: nothing would be checked", name, c.v.name)
	}
	p, _ := c.v.option(name)
	if spell := spellings[p.kind]; spell != nil {
		if err := spell(s); err != nil {
			c.wrong("%s: %v", name, err)
		}
	}
}
