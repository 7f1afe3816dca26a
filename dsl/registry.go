package dsl

import (
	"fmt"
	"slices"
	"strings"
)

// chapter groups the verbs in the reference.
type chapter uint8

const (
	chapterConversation chapter = iota
	chapterReply
	chapterCommands
	chapterTLS
	chapterTests
	chapterInputs
	chapterPeers
	chapterArrivals
)

var chapterTitles = []string{"The conversation", "Replies and capabilities", "Commands", "TLS and certificates", "Tests and flow", "Inputs and tools", "The other end", "Where messages arrive"}

// kind is the type of an argument or option.
type kind uint8

const (
	anyValue   kind = iota
	textKind        // a string or a number
	stringKind      // a string; a number is a slip, as in ehlo 250
	numberKind
	booleanKind
	durationKind // seconds or "1m30s"
	patternKind  // what expect takes
	functionKind
	listKind      // a list of strings, or one
	versionKind   // of TLS
	mechanismKind // of SASL
	nameKind      // a string that is written out, so that check can list it
	pemKind       // the name of a file of certificates, anywhere
	pinKind       // a SHA-256, or a list of them
	keyTypeKind   // of a certificate, or a list of them
	signatureKind // of a certificate, or a list of them
	cipherKind    // a suite of TLS, or a list of them
	stapleKind    // the status of an OCSP response
	tlsaKind      // a TLSA record, a list of them, or whom to ask for them
	proxyKind     // a table that describes a PROXY header
	domainKind    // with a port or without
	addressKind   // an IP address, with a port or without
	resolverKind  // the address of a DNS server
	demandKind    // what a value must be
	demandsKind   // what fields must be, by their names
	dkimKind      // whose signature must hold
	answerKind    // what a server of the script's says
	commandKind   // what a client must say to it
)

var kindWords = map[kind]string{anyValue: "any", textKind: "string", stringKind: "string", numberKind: "number", booleanKind: "boolean",
	durationKind: "duration", patternKind: "pattern", functionKind: "function", listKind: "list", nameKind: "string literal", pemKind: "string", pinKind: "string or list", keyTypeKind: "string or list", signatureKind: "string or list", stapleKind: "string", tlsaKind: "string, list or table", cipherKind: "string or list",
	proxyKind: "table", domainKind: "string", addressKind: "string", resolverKind: "string",
	demandKind: "demand", demandsKind: "table of demands", dkimKind: "string or table", answerKind: "answer", commandKind: "command",
	versionKind: "string", mechanismKind: "string"}

// param is one argument or option of a verb.
type param struct {
	name     string
	kind     kind
	optional bool
	doc      string

	spell   func(string) error // says what is wrong with a string, or with a list joined by commas; nil: nothing can be
	between *[2]int64          // the whole numbers that it may be; nil: any
}

// verb is one word of the language.
type verb struct {
	name    string
	chapter chapter
	args    []param // by position
	options []param // by name
	open    bool    // any option is taken: the names are data
	whole   bool    // a table is the first argument itself, not a call written as one
	many    bool    // any number of values
	global  bool    // not a method of a conversation
	calls   bool    // it calls functions of the script's
	returns string  // the object that it returns, "" where that is none
	of      *object // whose method it is; nil of globals and of conversations
	doc     string  // what it does: the first sentence stands in lists
	example string
	run     func(*call) int
}

// signature is the verb as the reference writes it.
func (v *verb) signature() string {
	var parts []string
	for _, a := range v.args {
		if a.optional {
			parts = append(parts, a.name+"?")
		} else {
			parts = append(parts, a.name)
		}
	}
	if len(v.options) > 0 || v.open {
		parts = append(parts, "{ … }")
	}
	return v.fullName() + "(" + strings.Join(parts, ", ") + ")"
}

// fullName is the name with the object before it, if it is an object's method.
func (v *verb) fullName() string {
	if v.of != nil {
		return v.of.name + ":" + v.name
	}
	return v.name
}

// tooMany says that a verb got more values than it takes.
func tooMany(v *verb, got int) string {
	switch n := len(v.args); n {
	case 0:
		return fmt.Sprintf("%s takes no values, not %d: %s", v.name, got, v.signature())
	case 1:
		return fmt.Sprintf("%s takes one value, not %d: %s", v.name, got, v.signature())
	default:
		return fmt.Sprintf("%s takes %d values, not %d: %s", v.name, n, got, v.signature())
	}
}

func (v *verb) option(name string) (param, bool) {
	for _, o := range v.options {
		if o.name == name {
			return o, true
		}
	}
	return param{}, false
}

func (v *verb) optionNames() []string {
	names := make([]string, len(v.options))
	for i, o := range v.options {
		names[i] = o.name
	}
	return names
}

// verbs is the registry, verbNamed its index. They are filled in by init, for
// the verbs themselves look things up in them.
var (
	verbs     []*verb
	verbNamed map[string]*verb
)

func init() {
	verbs = slices.Concat(conversationVerbs(), lookupVerbs(), replyVerbs(), commandVerbs(), tlsVerbs(), testVerbs(), fixtureVerbs(), inputVerbs(), listenVerbs(), halfVerbs(), mailboxVerbs(), logVerbs(), []*verb{execVerb()})
	registerObjects()
	verbNamed = map[string]*verb{}
	for _, v := range verbs {
		verbNamed[v.name] = v
	}
}

// Options that many verbs share.
var (
	optExpect  = param{name: "expect", kind: patternKind, doc: "the reply that must come instead"}
	optTimeout = param{name: "timeout", kind: durationKind, doc: "how long the reply may take"}
)

// helper is a verb that sends a command and reads the reply to it.
func helper(name, doc string, args []param, options ...param) *verb {
	return &verb{name: name, chapter: chapterCommands, doc: doc, args: args, options: append(options, optExpect, optTimeout)}
}
