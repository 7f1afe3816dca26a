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

var authOptions = []param{
	{name: "user", kind: textKind, doc: "whom to log in as; for ANONYMOUS what to leave as a trace"},
	{name: "password", kind: textKind, doc: "never shown"},
	{name: "token", kind: textKind, doc: "of OAUTHBEARER and XOAUTH2, in the place of a password; never shown"},
	{name: "identity", kind: textKind, doc: "the authorisation identity, where it is another"},
	{name: "realm", kind: textKind, doc: "of DIGEST-MD5, where it is not the first that the server has"},
	{name: "initial", kind: booleanKind, doc: "with or without the initial response: true makes LOGIN send the user at once, false makes the others wait for a 334, as they do by themselves where the command would be longer than 512 bytes"},
	{name: "cancel", kind: booleanKind, doc: "answer the first 334 with *, and expect 501; no user and no password are needed"},
	{name: "insecure", kind: booleanKind, doc: "the password may go over an unverified or clear connection"},
	optExpect, optTimeout,
}

func runAuth(c *call) int {
	var l engine.Login
	m := c.mechanismNamed()
	secret := c.logsIn(&l, m)
	if b := c.optBool("insecure"); b != nil {
		l.Insecure = *b
	}
	switch b := c.optBool("initial"); {
	case b == nil:
	case *b:
		l.Initial = engine.InitialSent
	default:
		l.Initial = engine.InitialWithheld
	}
	otherwise := only235
	if l.Cancel {
		otherwise = only501
	}
	want := c.expectation(c.option("expect"), otherwise)
	l.Within = c.duration(c.option("timeout"), "timeout")
	if want.within > 0 {
		l.Within = want.within
	}
	// Whoever gives a password to auth has said that it is one.
	c.s.log.Redactor.Add(secret, l.Credentials.Password)
	conv := c.conversation()
	c.greet()
	l.Mechanism = c.mechanism(m, secret, l.Credentials)
	r, err := conv.Auth(c.s.ctx, c.pos, l)
	if err != nil {
		c.unread(conv, want, err)
	}
	c.judge(conv, r, want)
	return c.answer(r)
}

// logsIn reads whom to log in as and by what, for a mechanism or, where that is
// nil, for any. It returns what the secret is: "password" or "token".
func (c *call) logsIn(l *engine.Login, m *engine.Mechanism) (secret string) {
	given := map[string]bool{}
	for _, o := range authOptions {
		given[o.name] = c.option(o.name) != lua.LNil
	}
	for i, name := range []string{"user", "password"} {
		placed := c.arg(i+1) != lua.LNil
		if placed && given[name] {
			c.wrong("auth is given a %s twice", name)
		}
		given[name] = given[name] || placed
	}
	if b := c.optBool("cancel"); b != nil {
		l.Cancel = *b
	}
	b := c.optBool("initial")
	if err := authFault(m, given, b != nil && *b); err != nil {
		c.wrong("%v", err)
	}
	who := &l.Credentials
	who.User, who.Password = c.credential(1, "user"), c.credential(2, "password")
	who.Identity, who.Realm = c.optText("identity"), c.optText("realm")
	secret = "password"
	if given["token"] || m != nil && m.Proof == engine.ByToken {
		secret = "token"
	}
	if given["token"] {
		who.Password = c.optText("token")
	}
	if m != nil && m.Name == "EXTERNAL" && !given["identity"] {
		who.Identity, who.User = who.User, ""
	}
	needed := !l.Cancel || b != nil && *b
	switch {
	case !needed, m != nil && m.Proof == engine.ByNone:
	case !given["user"] && (m == nil || m.Name != "OAUTHBEARER"):
		c.wrong("auth needs a user")
	case who.Password == "":
		c.wrong("auth needs a %s", secret)
	}
	return secret
}

// authFault says what cannot be right in what auth is given, by place or by
// name; m is nil where no mechanism is named.
func authFault(m *engine.Mechanism, given map[string]bool, initial bool) error {
	if m == nil {
		if given["password"] && given["token"] {
			return fmt.Errorf("auth takes a password or a token, not both")
		}
		return nil
	}
	switch {
	case m.Proof == engine.ByNone && (given["password"] || given["token"]):
		return fmt.Errorf("%s takes neither password nor token", m.Name)
	case m.Name == "EXTERNAL" && given["user"] && given["identity"]:
		return fmt.Errorf("EXTERNAL takes an identity alone: who the user is, TLS has said")
	case m.Proof == engine.ByPassword && given["token"]:
		return fmt.Errorf("%s takes a password: a token is for OAUTHBEARER and XOAUTH2", m.Name)
	case given["password"] && given["token"]:
		return fmt.Errorf("%s takes one token, and got a password too", m.Name)
	case given["identity"] && !m.Acts:
		return fmt.Errorf("%s cannot carry an authorisation identity", m.Name)
	case given["realm"] && m.Name != "DIGEST-MD5":
		return fmt.Errorf("%s has no realm: it is DIGEST-MD5's", m.Name)
	case initial && m.Opening == engine.ServerFirst:
		return fmt.Errorf("%s has no initial response: the server speaks first in it", m.Name)
	}
	return nil
}

// checkAuth says what cannot be right, or is missing, in a call of auth as it
// stands, and where.
func checkAuth(c callSite, args []ast.Expr, options []field) (word string, err error) {
	var mech *engine.Mechanism
	if len(args) > 0 {
		m, ok := engine.MechanismNamed(nodeOfExpr(args[0]).str)
		if !ok {
			return "", nil
		}
		mech, word = &m, m.Name
	}
	given, written, initial := map[string]bool{}, map[string]bool{}, false
	for i, a := range args[min(1, len(args)):min(len(args), 3)] {
		name := []string{"user", "password"}[i]
		given[name], written[name] = surely(a), !isNil(a)
	}
	slip := false
	for _, o := range options {
		_, known := verbNamed["auth"].option(o.key)
		slip = slip || !known
		given[o.key], written[o.key] = given[o.key] || surely(o.value), written[o.key] || !isNil(o.value)
		initial = initial || o.key == "initial" && nodeOfExpr(o.value).truth
	}
	if err := authFault(mech, given, initial); err != nil || written["cancel"] || slip || !wholeCall(c) {
		return word, err
	}
	switch {
	case mech != nil && mech.Proof == engine.ByNone:
	case !written["user"] && (mech == nil || mech.Name != "OAUTHBEARER"):
		err = errors.New("auth needs a user")
	case !written["password"] && !written["token"] && mech != nil && mech.Proof == engine.ByToken:
		err = errors.New("auth needs a token")
	case !written["password"] && !written["token"]:
		err = errors.New("auth needs a password")
	}
	return "", err
}

// wholeCall says whether all that a call is given is written out, be it by name:
// what a name or a function holds at the end may be a table of options, or more
// values than one.
func wholeCall(c callSite) bool {
	if len(c.args) == 0 {
		return true
	}
	last := c.args[len(c.args)-1]
	if value, ok := literal(last); ok {
		table, isTable := value.(literalTable)
		return !isTable || len(table.positional) == 0 || oneValue(table.positional[len(table.positional)-1])
	}
	call, ok := last.(*ast.FuncCallExpr)
	return ok && oneValue(call)
}

// oneValue says whether an expression is one value and no table, as far as it
// stands there: a call is, of secret and var.
func oneValue(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		f, ok := e.Func.(*ast.IdentExpr)
		return ok && (f.Value == "secret" || f.Value == "var")
	case *ast.Comma3Expr:
		return false
	}
	return true
}

// surely says whether a value is there, whatever it is: one held by a name may
// be nil.
func surely(e ast.Expr) bool {
	switch e.(type) {
	case *ast.IdentExpr, *ast.AttrGetExpr, *ast.NilExpr, *ast.LogicalOpExpr:
		return false
	}
	return true
}

// noMechanism names the mechanisms there are.
func noMechanism(name string) error {
	var known []string
	for _, m := range engine.Mechanisms {
		known = append(known, m.Name)
	}
	return fmt.Errorf("smtplay has no mechanism %q; it has %s", name, strings.Join(known, ", "))
}

// credential is given by place or by name, or not at all.
func (c *call) credential(i int, name string) string {
	if named := c.option(name); named != lua.LNil {
		return c.asText(named, name)
	}
	return c.text(i)
}

// mechanismNamed is the mechanism that the call names, nil where it names none.
func (c *call) mechanismNamed() *engine.Mechanism {
	name := c.text(0)
	if name == "" {
		return nil
	}
	m, ok := engine.MechanismNamed(name)
	if !ok {
		c.wrong("%v", noMechanism(name))
	}
	return &m
}

// mechanism is the one named, or else the strongest that is offered; either
// must be offered.
func (c *call) mechanism(named *engine.Mechanism, secret string, who engine.Credentials) engine.Mechanism {
	caps := c.capabilities()
	if named != nil {
		if !caps.Offers("AUTH", named.Name) {
			c.offered(caps, "AUTH "+named.Name+" is not offered: nothing was sent", "AUTH "+named.Name)
		}
		return *named
	}
	offered, _ := caps.Params("AUTH")
	proof := engine.ByPassword
	if secret == "token" {
		proof = engine.ByToken
	}
	m, why, ok := c.conv.Choose(slices.Compact(slices.Clone(offered)), proof, who)
	if !ok {
		what := "no AUTH mechanism is offered that smtplay has: nothing was sent"
		if why != "" {
			what += "; " + why
		}
		c.offered(caps, what, "AUTH")
	}
	c.conv.Note("auth takes %s, %s", m.Name, why)
	return m
}
