package dsl

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"smtplay/dsl/lua51"
	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// answer is what a listener of the script's says in the place of a reply: one
// answer, one for each time, one for each address, or what a function decides.
type answer struct {
	one    *server.Answer
	times  []*answer          // for the first time in a session, the second, …
	by     map[string]*answer // for an address in lower case
	decide *lua.LFunction
}

// answerKeys are the replies that can be replaced: the option, and the key by
// which package server knows it.
var answerKeys = []struct{ name, key, doc string }{
	{"greeting", "greeting", "to the connect"},
	{"helo", "helo", "to HELO"},
	{"ehlo", "ehlo", `to EHLO; several lines are one string with \n, or { reply = { "250-one", "250 two" } }`},
	{"lhlo", "lhlo", "to LHLO"},
	{"starttls", "starttls", "to STARTTLS; after a 220 the handshake follows"},
	{"auth", "auth", "to AUTH"},
	{"response", "response", "to a line that answers a 334 of AUTH"},
	{"mail", "mail", `to MAIL; { ["a@example.org"] = "550 …" } for that sender`},
	{"rcpt", "rcpt", `to RCPT; { ["b@example.com"] = "550 …" } for that recipient`},
	{"data", "data", "to DATA"},
	{"bdat", "bdat", "to BDAT"},
	{"message", ".", "after the final dot; in LMTP for each recipient"},
	{"rset", "rset", "to RSET"},
	{"noop", "noop", "to NOOP"},
	{"vrfy", "vrfy", "to VRFY"},
	{"quit", "quit", "to QUIT"},
}

// answerParams are the options that replace replies.
func answerParams() []param {
	var params []param
	for _, k := range answerKeys {
		params = append(params, param{name: k.name, kind: answerKind, doc: k.doc})
	}
	return params
}

var endings = map[string]server.Ending{"close": server.Close, "drop": server.Drop, "reset": server.Reset,
	"half-close": server.HalfClose, "silence": server.Silence, "hang": server.Hang}

var answerOptions = []string{"reply", "raw", "delay", "pieces", "pause", "ending"}

// readAnswer reads what is said in the place of a reply.
func readAnswer(n node) (*answer, error) {
	switch n.kind {
	case unknownNode:
		return nil, nil
	case functionNode:
		return &answer{decide: n.fn}, nil
	case stringNode:
		lines, err := replyLines(n)
		return &answer{one: &server.Answer{Lines: lines}}, err
	case boolNode:
		if !n.truth {
			return &answer{one: &server.Answer{Ending: server.Silence}}, nil
		}
	case tableNode:
		return readAnswerTable(n)
	}
	return nil, fmt.Errorf(`%v is no answer: write the reply ("451 4.7.1 come back"), false for silence, a table such as { reply = "250 Ok", delay = "2s" }, or a function`, n)
}

func readAnswerTable(n node) (*answer, error) {
	switch {
	case len(n.list) > 0 && len(n.named) > 0:
		return nil, errors.New("an answer is a list of answers, one for each time, or has its options by name, not both")
	case len(n.list) > 0:
		a := &answer{}
		for _, item := range n.list {
			each, err := readAnswer(item)
			if err != nil {
				return nil, err
			}
			a.times = append(a.times, each)
		}
		return a, nil
	case len(n.named) == 0:
		return nil, errors.New("an answer that is empty says nothing: false is silence")
	case slices.ContainsFunc(n.named, func(f namedNode) bool { return strings.Contains(f.name, "@") || f.name == "" }):
		a := &answer{by: map[string]*answer{}}
		for _, f := range n.named {
			if !strings.Contains(f.name, "@") && f.name != "" {
				return nil, fmt.Errorf("%q is no address, beside others that are", f.name)
			}
			each, err := readAnswer(f.value)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.name, err)
			}
			a.by[strings.ToLower(f.name)] = each
		}
		return a, nil
	}
	one := &server.Answer{}
	for _, f := range n.named {
		if err := readAnswerOption(one, f.name, f.value); err != nil {
			return nil, err
		}
	}
	return &answer{one: one}, nil
}

func readAnswerOption(a *server.Answer, name string, v node) (err error) {
	if !slices.Contains(answerOptions, name) {
		return unknownOption("an answer", name, answerOptions)
	}
	if v.kind == unknownNode {
		return nil
	}
	text := func() error {
		if v.kind != stringNode {
			return fmt.Errorf("%s of an answer is a string, not %v", name, v)
		}
		return nil
	}
	switch name {
	case "reply":
		a.Lines, err = replyLines(v)
	case "raw":
		a.Bytes, err = v.str, text()
	case "delay":
		a.Delay, err = readDuration(v)
	case "pause":
		a.Pause, err = readDuration(v)
	case "pieces":
		if a.Segment = int(v.num); v.kind != numberNode || a.Segment < 1 || float64(a.Segment) != v.num {
			return fmt.Errorf("pieces of an answer is how many octets are sent at once, not %v", v)
		}
	case "ending":
		ending, ok := endings[v.str]
		if err = text(); err == nil && !ok {
			return notOneOf("ending", v.str, []string{"close", "drop", "reset", "half-close", "silence", "hang"})
		}
		a.Ending = ending
	}
	return err
}

// addressed are the options whose answer may differ by address.
var addressed = []string{"mail", "rcpt", "message"}

// readAnswerTo reads what is said in the place of the reply of that name.
func readAnswerTo(name string, n node) (*answer, error) {
	a, err := readAnswer(n)
	if err == nil && a.byAddress() && !slices.Contains(addressed, name) {
		err = errors.New("only mail, rcpt and message have an address to tell answers apart by")
	}
	return a, err
}

func (a *answer) byAddress() bool {
	return a != nil && (a.by != nil || slices.ContainsFunc(a.times, (*answer).byAddress))
}

// replyLines are the lines of a reply, which must be one (RFC 5321 4.2): what is
// to be malformed is raw.
func replyLines(n node) ([]string, error) {
	var lines []string
	switch n.kind {
	case unknownNode:
		return nil, nil
	case stringNode:
		lines = strings.Split(strings.TrimSuffix(strings.ReplaceAll(n.str, "\r\n", "\n"), "\n"), "\n")
	case tableNode:
		if len(n.named) > 0 {
			return nil, fmt.Errorf("a reply is a list of its lines, and has no %s", n.named[0].name)
		}
		for _, item := range n.list {
			if item.kind == unknownNode {
				return nil, nil
			}
			lines = append(lines, item.str)
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf(`%v is no reply: write its line ("250 Ok"), or a list of them`, n)
	}
	for i, line := range lines {
		if err := replyLine(line, lines[0], i == len(lines)-1); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// replyLine says why a line has no place in a reply.
func replyLine(line, first string, last bool) error {
	code := len(line) >= 3 && line[0] >= '2' && line[0] <= '5' && isDigit(line[1]) && isDigit(line[2])
	switch {
	case !code:
		return fmt.Errorf("%q is no line of a reply: it begins with a code, as in \"250 Ok\"; raw sends anything", line)
	case line[:3] != first[:3]:
		return fmt.Errorf("%q has another code than the line before it; raw sends anything", line)
	case strings.ContainsAny(line, "\r\n"):
		return fmt.Errorf("%q is more than a line; raw sends anything", line)
	case last && len(line) > 3 && line[3] != ' ':
		return fmt.Errorf("%q says that more lines follow, and is the last: a blank goes after its code; raw sends anything", line)
	case !last && (len(line) < 4 || line[3] != '-'):
		return fmt.Errorf("%q is not the last line: a hyphen goes after its code; raw sends anything", line)
	}
	return nil
}

// answers reads all options that replace replies.
func (c *call) answers() map[string]*answer {
	var all map[string]*answer
	for _, k := range answerKeys {
		v := c.option(k.name)
		if v == lua.LNil {
			continue
		}
		a, err := readAnswerTo(k.name, nodeOf(v, 0))
		if err != nil {
			c.wrong("%s of %s: %v", k.name, c.v.fullName(), err)
		}
		if all == nil {
			all = map[string]*answer{}
		}
		all[k.key] = a
	}
	return all
}

// host plays a listener's sessions as the script told.
type host struct {
	s       *session
	l       *lua.LState    // of the half that plays it
	pos     transcript.Pos // the line that said so
	answers map[string]*answer

	seen   *heldVisit   // what the functions get
	value  lua.LValue   // the same, as the script holds it
	hung   bool         // an answer was to hang until time is up
	failed *lua51.Error // with which a function of the script's ended the session
}

// answer is what the script says to a command, not ok where it says nothing.
func (h *host) answer(q server.Question) (server.Answer, bool) {
	a, err := h.decide(h.answers[q.Key], q)
	if err != nil {
		h.failed = err
		return server.Answer{Ending: server.Drop}, true
	}
	if a == nil {
		return server.Answer{}, false
	}
	h.hung = h.hung || a.Ending == server.Hang
	return *a, true
}

func (h *host) decide(a *answer, q server.Question) (*server.Answer, *lua51.Error) {
	switch {
	case a == nil:
		return nil, nil
	case a.by != nil:
		return h.decide(a.by[strings.ToLower(q.Argument)], q)
	case a.times != nil:
		if q.Ordinal > len(a.times) {
			return nil, nil
		}
		return h.decide(a.times[q.Ordinal-1], q)
	case a.decide != nil:
		return h.ask(a.decide, q)
	}
	return a.one, nil
}

// ask lets a function of the script's decide.
func (h *host) ask(fn *lua.LFunction, q server.Question) (*server.Answer, *lua51.Error) {
	if h.seen == nil {
		h.seen = &heldVisit{s: h.s, Visit: q.Visit}
		h.value = h.s.m.object(objectNamed["visit"], h.seen)
	}
	h.seen.now, h.seen.begun = q.Message, q.Begun
	values, err := h.s.m.state.ProtectedCall(h.l, fn, lua.LString(q.Argument), h.value)
	if err != nil {
		return nil, err
	}
	if len(values) == 0 || values[0] == lua.LNil {
		return nil, nil
	}
	told, readErr := readAnswerTo(answerName(q.Key), nodeOf(values[0], 0))
	if readErr != nil {
		return nil, h.wrong(fn, "what the function for %s returned: %v", answerName(q.Key), readErr)
	}
	if told.decides() {
		return nil, h.wrong(fn, "the function for %s returned a function: it returns an answer, or nil for the usual one", answerName(q.Key))
	}
	return h.decide(told, q)
}

// decides says whether a function is asked for some of it.
func (a *answer) decides() bool {
	if a == nil {
		return false
	}
	for _, by := range a.by {
		if by.decides() {
			return true
		}
	}
	return a.decide != nil || slices.ContainsFunc(a.times, (*answer).decides)
}

// answerName is the option by which a reply is replaced.
func answerName(key string) string {
	for _, k := range answerKeys {
		if k.key == key {
			return k.name
		}
	}
	return key
}

// wrong is the fault of a function of the script's that returned what is no answer.
func (h *host) wrong(fn *lua.LFunction, format string, args ...any) *lua51.Error {
	f := &suite.Failure{What: fmt.Sprintf(format, args...), Pos: h.pos}
	if !fn.IsG {
		f.Pos, f.Via = transcript.Pos{File: fn.Proto.SourceName, Line: fn.Proto.LineDefined}, []transcript.Pos{h.pos}
	}
	f.Source = h.s.line(f.Pos)
	ud := h.l.NewUserData()
	ud.Value = &stop{verdict: suite.Verdict{Outcome: suite.Errored, Failure: f}}
	return &lua51.Error{Object: ud}
}
