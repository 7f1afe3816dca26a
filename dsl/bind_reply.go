package dsl

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine"
	"smtplay/engine/hint"
	"smtplay/engine/suite"
	"smtplay/engine/wire"
)

func replyVerbs() []*verb {
	return inChapter(chapterReply,
		&verb{name: "capabilities", doc: "What the last EHLO was told: a table from keyword to the list of its parameters. Fails before an EHLO of this connection, TLS state and XCLIENT identity.", run: func(c *call) int {
			caps := c.capabilities()
			t := c.CreateTable(0, len(caps.Keywords()))
			for _, keyword := range caps.Keywords() {
				params, _ := caps.Params(keyword)
				t.RawSetString(keyword, stringList(c.LState, params))
			}
			c.Push(t)
			return 1
		}},
		&verb{name: "expect_capability", doc: "The last EHLO offered the keyword, with that parameter where one is given. \"AUTH PLAIN\" is the same as \"AUTH\", \"PLAIN\".",
			args:    []param{{name: "keyword", kind: textKind}, {name: "parameter", kind: textKind, optional: true}},
			example: `expect_capability("AUTH", "PLAIN")`, run: func(c *call) int {
				caps := c.capabilities()
				keyword, parameter := c.keyword()
				if !caps.Offers(keyword, parameter) {
					what := strings.TrimSpace(keyword + " " + parameter)
					c.offered(caps, "expected the capability "+what+", which is not offered", what)
				}
				c.s.expected++
				return 0
			}},
		&verb{name: "expect_no_capability", doc: "The last EHLO did not offer the keyword, or not with that parameter.",
			args:    []param{{name: "keyword", kind: textKind}, {name: "parameter", kind: textKind, optional: true}},
			example: `expect_no_capability "AUTH"`, run: func(c *call) int {
				caps := c.capabilities()
				keyword, parameter := c.keyword()
				if caps.Offers(keyword, parameter) {
					what := strings.TrimSpace(keyword + " " + parameter)
					c.offered(caps, "the capability "+what+" is offered, and should not be", "no "+what)
				}
				c.s.expected++
				return 0
			}},
	)
}

func inChapter(ch chapter, vs ...*verb) []*verb {
	for _, v := range vs {
		v.chapter = ch
	}
	return vs
}

// keyword is a capability, given as "AUTH", "PLAIN" or as "AUTH PLAIN". What no
// server can offer is an error: that it is not offered would prove nothing.
func (c *call) keyword() (keyword, parameter string) {
	keyword, parameter = c.text(0), c.text(1)
	if c.arg(1) == lua.LNil {
		keyword, parameter, _ = strings.Cut(keyword, " ")
	}
	c.checkKeyword(keyword, parameter)
	if parameter == "" && c.arg(1) != lua.LNil {
		c.wrong("the parameter of %s is empty: nothing would be asked of it", keyword)
	}
	return keyword, parameter
}

// ehloKeyword is RFC 5321 4.1.1.1's, and the obsolete "AUTH=".
var ehloKeyword = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*=?$`) })

// replyCode is the beginning of a whole line, pasted for its keyword.
var replyCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[2-5][0-9][0-9]-`) })

func (c *call) checkKeyword(keyword, parameter string) {
	if !ehloKeyword().MatchString(keyword) || replyCode().MatchString(keyword) {
		c.wrong("%q is no EHLO keyword: letters, digits and hyphens, as in STARTTLS", keyword)
	}
	if strings.ContainsAny(parameter, " \t") {
		c.wrong("%q are several parameters: ask for one at a time", parameter)
	}
}

// capabilities are those of the conversation; not knowing them is a failure.
func (c *call) capabilities() wire.Capabilities {
	caps, err := c.live().Capabilities()
	if err != nil {
		c.s.failed(c.LState, c.conv, err)
	}
	return caps
}

// offered fails for a capability, showing all that are offered.
func (c *call) offered(caps wire.Capabilities, what, want string) {
	f := &suite.Failure{What: what, Want: want, Got: caps.String()}
	keyword, unwanted := strings.CutPrefix(want, "no ")
	f.Hint = hint.For(hint.Context{Fault: engine.NotOffered, Keyword: keyword, Offered: unwanted, TLS: c.conv.TLS() != nil})
	f.WantOff, f.GotOff = []wire.Span{{From: 0, To: len(f.Want)}}, offersOf(f.Got, keyword)
	c.s.placeConn(f, c.conv)
	c.s.failAt(c.LState, f, spot{first: true})
}

// offersOf are the lines, among those of a reply to EHLO, that speak of a
// capability; none where it is not among them.
func offersOf(offered, capability string) []wire.Span {
	var spans []wire.Span
	keyword, _, _ := strings.Cut(capability, " ")
	at := 0
	for line := range strings.SplitSeq(offered, "\n") {
		word := line
		if i := strings.IndexAny(line, " \t"); i >= 0 {
			word = line[:i]
		}
		if obsolete, _, ok := strings.Cut(word, "="); ok {
			word = obsolete + "="
		}
		if strings.EqualFold(word, keyword) {
			spans = append(spans, wire.Span{From: at, To: at + len(line)})
		}
		at += len(line) + 1
	}
	return spans
}

// judge fails unless the reply is what was expected, and counts what holds.
func (c *call) judge(conv *conversation, r *engine.Reply, e *expectation) wire.Captures {
	captures, ok := e.Matches(r.Reply)
	if !ok {
		c.mismatch(conv, r, e)
	}
	c.s.expected++
	conv.last = r
	return captures
}

// mismatch fails for a reply that was not expected.
func (c *call) mismatch(conv *conversation, r *engine.Reply, e *expectation) {
	first, _, more := strings.Cut(r.Reply.String(), "\n")
	if more {
		first += " …"
	}
	f := &suite.Failure{
		What:    fmt.Sprintf("expected %v, got %s", e.Pattern, first),
		Want:    e.Pattern.String(),
		Got:     r.Reply.String(),
		Because: e.because,
	}
	if why := c.saysWhy(conv, r); why != "" {
		f.What += "; its challenge says why: " + why
	}
	if r.Command != nil {
		f.Command, f.SentAt = r.Command.String(), r.Command.Pos
	}
	h := hint.Context{Verb: conv.verbOf(r.Command, c.v.name == "auth"), Reply: r.Reply, Want: e.Pattern, Previous: conv.lastReply(), Address: conv.Address(), TLS: conv.TLS() != nil, Proxied: conv.Proxied()}
	if c.v.name == "auth" {
		h.Mechanism = conv.Mechanism()
	}
	f.Hint = hint.For(h)
	f.WantOff, f.GotOff = e.Differences(r.Reply)
	c.s.placeConn(f, conv)
	c.s.failAt(c.LState, f, c.patternSpot(e))
}

// patternSpot is where a call has that expectation; its name, where the verb
// itself expects it.
func (c *call) patternSpot(e *expectation) spot {
	switch {
	case c.v.name == "expect":
		return spot{first: true}
	case c.asked != nil && e == c.asked:
		return spot{option: "expect"}
	}
	return spot{}
}

// saysWhy is what a challenge of this AUTH exchange told of why the server
// refuses, "" for nothing.
func (c *call) saysWhy(conv *conversation, r *engine.Reply) string {
	if c.v.name == "auth" {
		return conv.Refusal()
	}
	for _, each := range []*wire.Reply{r.Reply, conv.lastReply()} {
		if each != nil && each.Code == 334 {
			challenge, _ := each.Challenge()
			return engine.TokenRefusal(challenge, c.s.log.Redactor)
		}
	}
	return ""
}

// replyValue is a reply as a script holds it.
type replyValue struct {
	*engine.Reply
	captures wire.Captures
}

var replyFields = []string{"code", "enhanced", "text", "lines", "raw", "command", "seconds", "captures", "challenge", "queue_id"}

// field is a field of a reply, made when it is asked for.
func (r *replyValue) field(l *lua.LState, name string) (lua.LValue, bool) {
	switch name {
	case "code":
		return lua.LNumber(r.Code), true
	case "enhanced":
		return textOrNil(r.Enhanced()), true
	case "text":
		return lua.LString(r.Text()), true
	case "lines":
		return stringList(l, r.Lines()), true
	case "raw":
		return lua.LString(r.Raw), true
	case "command":
		if r.Command == nil {
			return lua.LNil, true
		}
		return lua.LString(r.Command.Line), true
	case "seconds":
		return lua.LNumber(r.Took.Seconds()), true
	case "captures":
		return r.captureTable(l), true
	case "challenge":
		challenge, err := r.Challenge()
		if err != nil {
			return lua.LNil, true
		}
		return lua.LString(challenge), true
	case "queue_id":
		return textOrNil(r.QueueID()), true
	}
	return nil, false
}

func (r *replyValue) captureTable(l *lua.LState) lua.LValue {
	t := l.CreateTable(len(r.captures.Groups), 0)
	for i, g := range r.captures.Groups {
		if i > 0 {
			t.RawSetInt(i, lua.LString(g))
		}
		if name := r.captures.Names[i]; name != "" {
			t.RawSetString(name, lua.LString(g))
		}
	}
	return t
}

func textOrNil(s string) lua.LValue {
	if s == "" {
		return lua.LNil
	}
	return lua.LString(s)
}

func stringList(l *lua.LState, list []string) *lua.LTable {
	t := l.CreateTable(len(list), 0)
	for i, s := range list {
		t.RawSetInt(i+1, lua.LString(s))
	}
	return t
}
