package message

import (
	"errors"
	"fmt"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message"

	"smtplay/engine/wire"
)

// made are the fields that the MIME structure makes: nobody else can.
var made = []string{"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition"}

// fields are those of the header, in their order, but for those of MIME.
func (m *Message) fields() ([]Field, error) {
	var fields []Field
	add := func(name, value string, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if value != "" && !m.replaced(name) {
			fields = append(fields, Field{name, value})
		}
		return nil
	}
	to, toErr := addresses(strings.Join(m.To, ", "))
	from, fromErr := addresses(m.From)
	if m.From == "" && toErr == nil && to != "" {
		list, err := mail.ParseAddressList(to)
		if fromErr = err; err == nil {
			from = inField(list[:1])
		}
	}
	if from == "" && fromErr == nil && !m.replaced("From") {
		return nil, errors.New(`it needs from or to: RFC 5322 3.6 demands a From (headers = { From = false } leaves it out)`)
	}
	id, idErr := messageID(m.ID, from)
	subject, subjectErr := unstructured("Subject", m.Subject)
	for _, err := range []error{
		add("From", from, fromErr), add("To", to, toErr), add("Subject", subject, subjectErr),
		add("Date", m.Date, CheckDate(m.Date)), add("Message-ID", id, idErr),
	} {
		if err != nil {
			return nil, err
		}
	}
	for _, f := range m.Fields {
		value, err := f.Value, CheckField(f.Name, f.Value)
		if err != nil {
			return nil, err
		}
		if value, err = unstructured(f.Name, value); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		fields = append(fields, Field{f.Name, value})
	}
	total := 0
	for _, f := range fields {
		if total += len(f.Name) + len(f.Value); total > MaxSize {
			return nil, fmt.Errorf("the header is larger than %d bytes", MaxSize)
		}
	}
	for _, name := range m.Without {
		if err := CheckField(name, ""); err != nil {
			return nil, err
		}
	}
	return append(fields, Field{"MIME-Version", "1.0"}), nil
}

// replaced says whether a field is written, or left out, by another's hand.
func (m *Message) replaced(name string) bool {
	named := func(n string) bool { return strings.EqualFold(n, name) }
	return slices.ContainsFunc(m.Without, named) || slices.ContainsFunc(m.Fields, func(f Field) bool { return named(f.Name) })
}

// CheckField says what is wrong with a field that somebody else named, nil for nothing.
func CheckField(name, value string) error {
	for i := range len(name) { // RFC 5322 3.6.8
		if name[i] <= ' ' || name[i] > '~' || name[i] == ':' {
			return fmt.Errorf("%.200q is no name of a header field: it holds %q", name, name[i])
		}
	}
	if name == "" {
		return errors.New("a header field needs a name")
	}
	for _, n := range made {
		if strings.EqualFold(n, name) {
			return fmt.Errorf("the field %s follows from what the message is made of (an attachment has type and encoding; data also takes a message that was written out)", n)
		}
	}
	if err := CheckText(value); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// CheckText says what keeps a text out of a header field, nil for nothing. A line
// end would begin another field.
func CheckText(s string) error {
	switch {
	case strings.ContainsAny(s, "\r\n"):
		return errors.New("it holds a line end, which would begin another header field")
	case strings.Contains(s, "\x00"):
		return errors.New("it holds a NUL")
	case !utf8.ValidString(s):
		return errors.New("it is not in UTF-8 (data takes a message that was written out, with any bytes)")
	}
	return nil
}

// unstructured is text as the field of that name holds it: outside ASCII in
// encoded words. What is an encoded word already stays as it is.
func unstructured(name, s string) (string, error) {
	if err := CheckText(s); err != nil {
		return "", err
	}
	if mime.QEncoding.Encode("utf-8", s) == s {
		return s, nil
	}
	return encodedWords(s, len(name)+len(": ")), nil
}

// CheckAddresses says what is wrong with a list of addresses, nil for nothing.
func CheckAddresses(list string) error {
	_, err := addresses(list)
	return err
}

// maxAddresses bounds a list of addresses, and maxDate a date, in bytes: what
// reads them takes its time over long comments.
const (
	maxAddresses = 64 << 10
	maxDate      = 200
)

// addresses is a list of them as a field holds it: names outside ASCII in
// encoded words, addresses outside ASCII in UTF-8 (RFC 6532).
func addresses(list string) (string, error) {
	if err := CheckText(list); err != nil || list == "" {
		return "", err
	}
	if len(list) > maxAddresses {
		return "", fmt.Errorf("a list of addresses has at most %d bytes here (headers = { … } writes a longer one)", maxAddresses)
	}
	parsed, err := mail.ParseAddressList(list)
	if err != nil {
		return "", fmt.Errorf("%.200q is no list of addresses: %s (headers = { … } writes a field as it is given)", list, strings.TrimPrefix(err.Error(), "mail: "))
	}
	if len(parsed) == 0 { // a group of nobody (RFC 5322 3.4)
		return "", fmt.Errorf("%.200q names nobody (headers = { … } writes a field as it is given)", list)
	}
	return inField(parsed), nil
}

// inField are addresses as a header field holds them.
func inField(list []*mail.Address) string {
	each := make([]string, len(list))
	for i, a := range list {
		if each[i] = a.String(); a.Name == "" {
			each[i] = strings.TrimSuffix(strings.TrimPrefix(each[i], "<"), ">")
		}
	}
	return strings.Join(each, ", ")
}

// CheckDate says whether a date is one of RFC 5322 3.3; "" is none, and no fault.
func CheckDate(date string) error {
	if err := CheckText(date); err != nil || date == "" {
		return err
	}
	if _, err := mail.ParseDate(date[:min(len(date), maxDate)]); err != nil || len(date) > maxDate {
		return fmt.Errorf("%.200q is no date as mail has it, such as \"Mon, 02 Jan 2006 15:04:05 +0000\" (headers = { Date = … } writes any)", date)
	}
	return nil
}

// CheckID says what is wrong with an identifier for Message-ID, nil for nothing.
func CheckID(id string) error {
	_, err := messageID(id, "")
	return err
}

// messageID is an identifier as Message-ID holds it (RFC 5322 3.6.4). Where it
// names no domain, that of the first sender stands behind it.
func messageID(id, from string) (string, error) {
	if id == "" {
		return "", nil
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">")
	for _, r := range bare {
		if r <= ' ' || r > '~' || strings.ContainsRune("<>(),;:\\\"", r) {
			return "", fmt.Errorf("%.200q is no identifier: it holds %q (headers = { [\"Message-ID\"] = … } writes any)", id, r)
		}
	}
	left, domain, _ := strings.Cut(bare, "@")
	if domain == "" {
		domain = "localhost"
		if list, err := mail.ParseAddressList(from); err == nil && len(list) > 0 {
			if at := strings.LastIndexByte(list[0].Address, '@'); isASCII(list[0].Address[at+1:]) {
				domain = list[0].Address[at+1:]
			}
		}
	}
	if left == "" || strings.Contains(domain, "@") {
		return "", fmt.Errorf("%.200q is no identifier, as in \"name@example.com\"", id)
	}
	return "<" + left + "@" + domain + ">", nil
}

// foldAt is where RFC 5322 2.1.1 would have a line end at the latest.
const foldAt = 78

// fold is the field with its line ends: folded before a blank, where one stands
// behind something else (RFC 5322 2.2.3).
func (f Field) fold() ([]byte, error) {
	line := f.Name + ": " + f.Value
	var out []byte
	for len(line) > foldAt {
		at := blankBefore(line, foldAt)
		if at < 0 {
			if at = blankAfter(line, foldAt); at < 0 {
				break
			}
		}
		if at > longestLine {
			break
		}
		out = append(append(out, line[:at]...), "\r\n"...)
		line = line[at:]
	}
	if len(line) > longestLine {
		return nil, fmt.Errorf("%s: a word of it has more than %d bytes, and no line may have", f.Name, longestLine)
	}
	return append(append(out, line...), "\r\n"...), nil
}

// foldable says whether a line may end before i: a blank stands there, and on
// either side is something else, so that no line is blank alone.
func foldable(line string, i int) bool {
	blank := func(c byte) bool { return c == ' ' || c == '\t' }
	return blank(line[i]) && !blank(line[i-1]) && i+1 < len(line) && !blank(line[i+1])
}

func blankBefore(line string, end int) int {
	first := strings.IndexByte(line, ':') + 2 // not behind the name: some readers take that for an empty field
	if line[0] == ' ' || line[0] == '\t' {
		first = 1
	}
	for i := end; i > first; i-- {
		if foldable(line, i) {
			return i
		}
	}
	return -1
}

func blankAfter(line string, from int) int {
	for i := from; i < len(line); i++ {
		if foldable(line, i) {
			return i
		}
	}
	return -1
}

// headerOf is a header of these fields, in their order.
func headerOf(fields []Field) (message.Header, error) {
	var header message.Header
	for _, f := range slices.Backward(fields) { // the library writes the latest first
		raw, err := f.fold()
		if err != nil {
			return header, err
		}
		header.AddRaw(raw)
	}
	return header, nil
}

func crlf(text string) []byte { return wire.AppendCRLF(nil, text) }
