package dsl

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine/wire"
)

// parameter is an option of mail or rcpt that becomes a parameter of the command
// (RFC 5321 4.1.2, esmtp-param). How its value is read follows from its kind: a
// boolean is a keyword alone, a list is joined by commas.
type parameter struct {
	param
	keyword string
	encode  func(string) string // what is sent for a string; nil: as it stands
}

// mailParameters and rcptParameters stand in the order in which they are sent.
var (
	mailParameters = []parameter{
		{param{name: "size", kind: numberKind, between: &[2]int64{0, 1 << 53}, doc: "SIZE, in bytes (RFC 1870)"}, "SIZE", nil},
		{param{name: "body", kind: textKind, spell: wordsOf("BODY", "7BIT", "8BITMIME", "BINARYMIME"), doc: "BODY: 7BIT, 8BITMIME (RFC 6152) or BINARYMIME (RFC 3030)"}, "BODY", nil},
		{param{name: "ret", kind: textKind, spell: wordsOf("RET", "FULL", "HDRS"), doc: "RET: FULL or HDRS (RFC 3461 4.3)"}, "RET", nil},
		{param{name: "envid", kind: textKind, spell: envidSpelling, doc: "ENVID, written as xtext: ASCII, 100 characters at most (RFC 3461 4.4)"}, "ENVID", wire.Xtext},
		{param{name: "smtputf8", kind: booleanKind, doc: "SMTPUTF8 (RFC 6531)"}, "SMTPUTF8", nil},
		{param{name: "auth", kind: textKind, doc: `AUTH, written as xtext; "" is <> (RFC 4954 5)`}, "AUTH", authIdentity},
		{param{name: "requiretls", kind: booleanKind, doc: "REQUIRETLS (RFC 8689)"}, "REQUIRETLS", nil},
		{param{name: "by", kind: textKind, spell: bySpelling, doc: `BY: seconds, and R to return or N to notify, T behind it to trace, as in "120;R" (DELIVERBY, RFC 2852)`}, "BY", nil},
		{param{name: "holdfor", kind: durationKind, doc: "HOLDFOR: keep it so long (FUTURERELEASE, RFC 4865)"}, "HOLDFOR", nil},
		{param{name: "holduntil", kind: textKind, spell: timeSpelling, doc: `HOLDUNTIL, as in "2026-12-24T18:00:00Z" (FUTURERELEASE, RFC 4865)`}, "HOLDUNTIL", nil},
		{param{name: "mt_priority", kind: numberKind, between: &[2]int64{-9, 9}, doc: "MT-PRIORITY, -9 to 9 (RFC 6710)"}, "MT-PRIORITY", nil},
		{param{name: "prdr", kind: booleanKind, doc: "PRDR: after the final dot 353, a reply for each recipient, and one for the message (draft-hall-prdr; Exim)"}, "PRDR", nil},
	}
	rcptParameters = []parameter{
		{param{name: "notify", kind: listKind, spell: notifySpelling, doc: "NOTIFY: NEVER, or some of SUCCESS, FAILURE, DELAY (RFC 3461 4.1)"}, "NOTIFY", nil},
		{param{name: "orcpt", kind: textKind, spell: orcptSpelling, doc: `ORCPT, written as xtext; rfc822 unless a type stands before it, as in "utf-8;jürgen@example.com" (RFC 3461 4.2, RFC 6533 3)`}, "ORCPT", originalRecipient},
		{param{name: "rrvs", kind: textKind, spell: rrvsSpelling, doc: `RRVS: who has had the mailbox since then, C or R behind it, as in "2026-01-01T00:00:00Z;C" (RFC 7293)`}, "RRVS", nil},
	}
	optParams = param{name: "params", kind: textKind, doc: "more parameters, as they stand"}
)

// withParameters are the options that a list of parameters makes.
func withParameters(list []parameter) []param {
	options := make([]param, 0, len(list)+1)
	for _, p := range list {
		options = append(options, p.param)
	}
	return append(options, optParams)
}

func (c *call) mailCommand() string {
	line := "MAIL FROM:" + c.path()
	if c.opts == nil {
		return line
	}
	if c.option("holdfor") != lua.LNil && c.option("holduntil") != lua.LNil {
		c.wrong("mail has holdfor or holduntil, not both (RFC 4865 4)%s", byHand)
	}
	return line + c.parameters(mailParameters)
}

func (c *call) rcptCommand() string {
	line := "RCPT TO:" + c.path()
	if c.opts == nil {
		return line
	}
	return line + c.parameters(rcptParameters)
}

// parameters are those that were given, each with a blank before it. An empty
// string is one that was not given, but for AUTH, where it means somebody.
func (c *call) parameters(list []parameter) string {
	line := ""
	for i := range list {
		p := &list[i]
		v := c.option(p.name)
		if v == lua.LNil {
			continue
		}
		value := ""
		switch p.kind {
		case booleanKind:
			if on := c.optBool(p.name); *on {
				line += " " + p.keyword
			}
			continue
		case numberKind:
			value = strconv.FormatInt(c.whole(&p.param), 10)
		case durationKind:
			value = c.wholeSeconds(p.name)
		default:
			value = c.spelling(&p.param)
		}
		if value == "" && p.keyword != "AUTH" {
			continue
		}
		if p.encode != nil {
			value = p.encode(value)
		}
		line += " " + p.keyword + "=" + value
	}
	if s := c.optText("params"); s != "" {
		line += " " + s
	}
	return line
}

// whole is the option as a whole number within its bounds.
func (c *call) whole(p *param) int64 {
	n, ok := c.option(p.name).(lua.LNumber)
	if !ok {
		c.wrong("%s of %s is a whole number, not %s", p.name, c.v.name, article(c.option(p.name)))
	}
	if err := p.outside(float64(n)); err != nil {
		c.wrong("%s of %s: %v", p.name, c.v.name, err)
	}
	return int64(n)
}

// wholeSeconds is a duration as RFC 4865 writes an interval.
func (c *call) wholeSeconds(name string) string {
	d := c.duration(c.option(name), name)
	if d < time.Second || d%time.Second != 0 {
		c.wrong("%s of %s is in whole seconds, one or more%s", name, c.v.name, byHand)
	}
	return strconv.FormatInt(int64(d/time.Second), 10)
}

// spelling is the option as a string, a list joined by commas, spelt as it must be.
func (c *call) spelling(p *param) string {
	var s string
	if p.kind == listKind {
		s = strings.Join(c.optList(p.name), ",")
	} else {
		s = c.optText(p.name)
	}
	if p.spell != nil && s != "" {
		if err := p.spell(s); err != nil {
			c.wrong("%s of %s: %v", p.name, c.v.name, err)
		}
	}
	return s
}

// outside says that a number is not a whole one within the bounds.
func (p *param) outside(n float64) error {
	if p.between == nil {
		return nil
	}
	if least, most := p.between[0], p.between[1]; n != math.Trunc(n) || n < float64(least) || n > float64(most) {
		return fmt.Errorf("it is a whole number from %d to %d, not %v%s", least, most, n, byHand)
	}
	return nil
}

// misspelt says what is wrong with a value that is written out, "" of a list
// that is not wholly so.
func (p *param) misspelt(n node) error {
	switch {
	case n.kind == numberNode && p.between != nil:
		return p.outside(n.num)
	case p.spell == nil:
		return nil
	case n.kind == tableNode && p.kind == listKind:
		var each []string
		for _, item := range n.list {
			if item.kind != stringNode {
				return nil
			}
			each = append(each, item.str)
		}
		n = node{kind: stringNode, str: strings.Join(each, ",")}
	}
	if n.kind != stringNode || n.str == "" {
		return nil
	}
	return p.spell(n.str)
}

// byHand is what to do about a value that a server is to be shown all the same.
const byHand = ` (params = "X=y" sends any)`

// wordsOf makes the spelling of a parameter that has some words for values.
func wordsOf(keyword string, known ...string) func(string) error {
	return func(s string) error {
		if slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, s) }) {
			return nil
		}
		return fmt.Errorf("%w%s", notOneOf(keyword, s, known), byHand)
	}
}

// envidSpelling: RFC 3461 4.4 wants printable ASCII, no more
// than 100 characters of it.
func envidSpelling(s string) error {
	if len(s) > 100 {
		return fmt.Errorf("it has %d characters, and 100 are allowed%s", len(s), byHand)
	}
	for _, r := range s {
		if r < ' ' || r > '~' {
			return fmt.Errorf("it is printable ASCII, and %q is not%s", r, byHand)
		}
	}
	return nil
}

// notifySpelling: NEVER stands alone (RFC 3461 4.1).
func notifySpelling(s string) error {
	each := strings.Split(s, ",")
	for _, word := range each {
		if err := wordsOf("NOTIFY", "NEVER", "SUCCESS", "FAILURE", "DELAY")(word); err != nil {
			return err
		}
		if len(each) > 1 && strings.EqualFold(word, "NEVER") {
			return errors.New("NEVER stands alone" + byHand)
		}
	}
	return nil
}

var byValue = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?i)([-+]?[0-9]{1,9});([RN])T?$`) })

// bySpelling: who asks for the message to be returned gives it some time (RFC 2852 4).
func bySpelling(s string) error {
	m := byValue().FindStringSubmatch(s)
	if m == nil {
		return fmt.Errorf("%q is no time to deliver by, as in \"120;R\"%s", s, byHand)
	}
	if seconds, _ := strconv.Atoi(m[1]); seconds <= 0 && strings.EqualFold(m[2], "R") {
		return errors.New("with R the time is above 0" + byHand)
	}
	return nil
}

// timeSpelling is a time as RFC 3339 writes it.
func timeSpelling(s string) error {
	if _, err := time.Parse(time.RFC3339, s); err != nil {
		return fmt.Errorf("%q is no time, as in \"2026-12-24T18:00:00Z\"%s", s, byHand)
	}
	return nil
}

func rrvsSpelling(s string) error {
	when, what, more := strings.Cut(s, ";")
	if more {
		if err := wordsOf("action of RRVS", "C", "R")(what); err != nil {
			return err
		}
	}
	return timeSpelling(when)
}

var addressType = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9-]+$`) })

// orcptSpelling: ORCPT has a type and an address (RFC 3461 4.2).
func orcptSpelling(s string) error {
	kind, address, typed := strings.Cut(s, ";")
	switch {
	case typed && !addressType().MatchString(kind):
		return fmt.Errorf("%q is no type of address, as in \"rfc822;james@example.com\"%s", kind, byHand)
	case typed && address == "":
		return errors.New("the address behind its type is missing" + byHand)
	}
	return nil
}

// originalRecipient is the value of ORCPT.
func originalRecipient(s string) string {
	kind, address, typed := strings.Cut(s, ";")
	switch {
	case !typed:
		return "rfc822;" + wire.Xtext(s)
	case strings.EqualFold(kind, "utf-8"):
		return kind + ";" + wire.UTF8Xtext(address)
	}
	return kind + ";" + wire.Xtext(address)
}

// authIdentity is the value of AUTH=: who is not known is <> (RFC 4954 5).
func authIdentity(s string) string {
	if s == "" {
		return "<>"
	}
	return wire.Xtext(s)
}
