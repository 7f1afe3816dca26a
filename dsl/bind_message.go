package dsl

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/dsl/lua51"
	"smtplay/engine/message"
)

// maxParts bounds how many fields or attachments a script may give one message.
const maxParts = 10000

func messageVerb() *verb {
	return &verb{name: "message", doc: "Makes a message, for data or bdat: a header (RFC 5322), and MIME around what needs it, with CRLF line ends. A value with a line end, which would begin another header field, is an error. The Message-ID holds a token of its own, kept in the transcript as [unique].",
		options: []param{
			{name: "from", kind: textKind, spell: message.CheckAddresses, doc: "an address, a name before it or not; default the first of to"},
			{name: "to", kind: listKind, spell: message.CheckAddresses, doc: "an address, or a list of them"},
			{name: "subject", kind: textKind, spell: message.CheckText, doc: "any text; outside ASCII in encoded words (RFC 2047)"},
			{name: "text", kind: textKind, doc: "the body; 7bit where it can be, else quoted-printable"},
			{name: "html", kind: textKind, doc: "the body in HTML; with text it becomes multipart/alternative"},
			{name: "attach", kind: anyValue, doc: `a file beside the script, or { name = "a.pdf", type = "application/pdf", content = "…" }, with file in the place of content and an encoding or not; or a list of them`},
			{name: "headers", kind: anyValue, doc: `more fields: { ["X-One"] = "1" }, in order of name, or { { "X-One", "1" }, … }, in that order. One that message makes itself is replaced, by false left out`},
			{name: "date", kind: textKind, spell: message.CheckDate, doc: "the Date as a header has it, or seconds since 1970; default now"},
			{name: "id", kind: textKind, spell: message.CheckID, doc: "the Message-ID, or what stands before its @"},
			{name: "size", kind: numberKind, between: &[2]int64{1, message.MaxSize}, doc: "fill the text up, so that the message has just so many bytes, as SIZE counts them: with all line ends, without the final dot and doubled dots (RFC 1870 3)"},
			{name: "encoding", kind: textKind, spell: encodingSpelling, doc: "of text and html: 7bit, 8bit, binary, quoted-printable or base64"},
			{name: "body", kind: textKind, spell: sampleSpelling, doc: "gtube: the line that every spam filter finds; eicar: the file that every virus scanner finds, attached as eicar.com"},
		},
		example: `data(message{ from = "a@example.org", to = "b@example.com", subject = "Grüße", text = "Hi" })`, run: runMessage}
}

func encodingSpelling(s string) error {
	if _, ok := message.EncodingNamed(s); ok {
		return nil
	}
	return notOneOf("encoding", s, message.Encodings())
}

func sampleSpelling(s string) error {
	if _, ok := message.SampleNamed(s); ok {
		return nil
	}
	return notOneOf("body", s, message.Samples())
}

func runMessage(c *call) int {
	m := &message.Message{From: c.optSpelt("from"), Subject: c.optSpelt("subject"), ID: c.optSpelt("id"), HTML: c.optSpelt("html")}
	if to := c.optSpelt("to"); to != "" {
		m.To = []string{to}
	}
	m.Body, _ = message.EncodingNamed(c.optSpelt("encoding"))
	m.Sample, _ = message.SampleNamed(c.optSpelt("body"))
	if c.option("size") != lua.LNil {
		size, _ := c.v.option("size")
		m.Size = c.whole(&size)
	}
	if m.Text = c.optText("text"); c.option("text") == lua.LNil && m.HTML == "" && m.Sample == message.NoSample && m.Size == 0 {
		m.Text = "A test message."
	}
	m.Date = c.messageDate()
	if m.ID == "" {
		m.ID = c.s.unique()
	}
	var err error
	if m.Fields, m.Without, err = readHeaders(nodeOf(c.option("headers"), 0)); err != nil {
		c.wrong("headers of message: %v", err)
	}
	if m.Attach, err = readAttachments(nodeOf(c.option("attach"), 0), c.home().read); err != nil {
		c.wrong("attach of message: %v", err)
	}
	b, err := m.Bytes()
	if err != nil {
		c.wrong("message: %v", err)
	}
	c.Push(lua.LString(b))
	return 1
}

// optSpelt is the option name as a string, spelt as it must be.
func (c *call) optSpelt(name string) string {
	p, _ := c.v.option(name)
	return c.spelling(&p)
}

// messageDate is the Date, by default of now in UTC, so that it is as long
// everywhere.
func (c *call) messageDate() string {
	when := time.Now()
	switch v := c.option("date").(type) {
	case *lua.LNilType:
	case lua.LNumber:
		if v < 0 || v > 1<<40 {
			c.wrong("date of message: %v is no time in seconds since 1970", v)
		}
		when = time.Unix(int64(v), 0)
	default:
		if date := c.optSpelt("date"); date != "" {
			return date
		}
	}
	return when.UTC().Format(time.RFC1123Z)
}

// readHeaders reads the fields that a script gives, those in the list first, and
// the names of those to be left out. What is not known yet is passed over.
func readHeaders(n node) (fields []message.Field, without []string, err error) {
	if n.kind == nilNode || n.kind == unknownNode {
		return nil, nil, nil
	}
	if n.kind != tableNode {
		return nil, nil, fmt.Errorf(`they are a table, as in { ["X-One"] = "1" }, not %v`, n)
	}
	for i, pair := range n.list {
		if pair.kind == unknownNode {
			continue
		}
		if pair.kind != tableNode || len(pair.list) != 2 || len(pair.named) > 0 {
			return nil, nil, fmt.Errorf(`number %d is no pair of a name and a value, as in { "X-One", "1" }`, i+1)
		}
		name, value := pair.list[0], pair.list[1]
		if name.kind == unknownNode || value.kind == unknownNode {
			continue
		}
		if name.kind != stringNode {
			return nil, nil, fmt.Errorf("the name of number %d is a string, not %v", i+1, name)
		}
		if fields, err = readField(fields, name.str, value); err != nil {
			return nil, nil, err
		}
	}
	slices.SortFunc(n.named, func(a, b namedNode) int { return strings.Compare(a.name, b.name) })
	for _, f := range n.named {
		if f.value.kind == boolNode && !f.value.truth {
			if err := message.CheckField(f.name, ""); err != nil {
				return nil, nil, err
			}
			without = append(without, f.name)
		} else if fields, err = readField(fields, f.name, f.value); err != nil {
			return nil, nil, err
		}
	}
	if len(fields) > maxParts {
		return nil, nil, fmt.Errorf("%d fields are too many", len(fields))
	}
	return fields, without, nil
}

func readField(fields []message.Field, name string, value node) ([]message.Field, error) {
	text := value.str
	switch value.kind {
	case unknownNode:
		return fields, message.CheckField(name, "")
	case numberNode:
		text = lua51.FormatNumber(lua.LNumber(value.num))
	case stringNode:
	default:
		return nil, fmt.Errorf("the value of %s is a string, or false to leave it out, not %v", name, value)
	}
	return append(fields, message.Field{Name: name, Value: text}), message.CheckField(name, text)
}

var attachmentKeys = []string{"name", "type", "content", "file", "encoding"}

// readAttachments reads what hangs on a message: files by their names, tables, or
// a list of both. What is not known yet is passed over.
func readAttachments(n node, read func(string) ([]byte, error)) ([]message.Part, error) {
	items := []node{n}
	switch {
	case n.kind == nilNode || n.kind == unknownNode:
		return nil, nil
	case n.kind == tableNode && len(n.named) == 0:
		if items = n.list; len(items) == 0 {
			return nil, errors.New("it is empty")
		}
	case n.kind == tableNode && len(n.list) > 0:
		return nil, errors.New("it is a list of attachments, or one with its options by name, not both")
	}
	if len(items) > maxParts {
		return nil, fmt.Errorf("%d are too many", len(items))
	}
	var parts []message.Part
	total := 0
	for _, item := range items {
		part, err := readAttachment(item, read)
		if err != nil {
			return nil, err
		}
		if total += len(part.Content); total > message.MaxSize {
			return nil, fmt.Errorf("together they are larger than %d bytes", message.MaxSize)
		}
		parts = append(parts, part)
	}
	return parts, nil
}

func readAttachment(n node, read func(string) ([]byte, error)) (part message.Part, err error) {
	if n.kind == unknownNode {
		return part, nil
	}
	if n.kind == stringNode {
		n = node{kind: tableNode, named: []namedNode{{"file", n}}}
	}
	if n.kind != tableNode || len(n.list) > 0 {
		return part, fmt.Errorf(`an attachment is the name of a file, or { name = "…", content = "…" }, not %v`, n)
	}
	given := map[string]string{}
	unknown := false
	for _, f := range n.named {
		switch {
		case !slices.Contains(attachmentKeys, f.name):
			return part, unknownOption("an attachment", f.name, attachmentKeys)
		case f.value.kind == unknownNode:
			unknown = true
		case f.value.kind != stringNode:
			return part, fmt.Errorf("%s is a string, not %v", f.name, f.value)
		}
		given[f.name] = f.value.str
	}
	file, fromFile := given["file"]
	content, written := given["content"]
	if fromFile == written {
		return part, errors.New("an attachment needs content, or a file")
	}
	if err := encodingSpelling(given["encoding"]); err != nil && given["encoding"] != "" {
		return part, err
	}
	part = message.Part{Name: given["name"], Type: given["type"], Content: []byte(content)}
	part.Encoding, _ = message.EncodingNamed(given["encoding"])
	if !fromFile || unknown && file == "" {
		return part, nil
	}
	if part.Content, err = read(file); err != nil {
		return part, fmt.Errorf("file %q: %w", file, err)
	}
	if part.Name == "" {
		part.Name = path.Base(file)
	}
	return part, nil
}

// checkMessage finds what cannot be right in the headers and attachments of a
// message, as far as they are written out.
func (s *Script) checkMessage(m *module, v *verb, c callSite) Problems {
	var problems Problems
	_, options := splitArgs(v, c)
	for _, o := range options {
		var err error
		switch o.key {
		case "headers":
			_, _, err = readHeaders(nodeOfExpr(o.value))
		case "attach":
			_, err = readAttachments(nodeOfExpr(o.value), s.read)
		}
		if err != nil {
			problems = append(problems, m.source.problem(o.line, m.source.findOption(o.line, o.key), fmt.Sprintf("%s: %v", o.key, err)))
		}
	}
	return problems
}
