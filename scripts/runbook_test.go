package scripts_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"smtplay/engine/lab"
	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// contents are the chapters of the runbooks as a document. The first five go the
// way that a person goes by hand, from telnet to TLS; the others came later.
const contents = `
## 1. Unauthenticated, unencrypted SMTP
### 1.1 Mail from localhost is relayed
### 1.2 A known recipient is accepted from outside
### 1.3 An unknown recipient is refused from outside
### 1.4 No spelling of an address elsewhere is relayed
### 1.5 An unknown user in the hosted domain is refused
## 2. Understanding authentication
### 2.1 What EHLO offers, before TLS and after
### 2.2 No login in clear text
### 2.3 Every mechanism that the server offers lets the user in
## 3. AUTH PLAIN without encryption
### 3.1 AUTH PLAIN in clear text, where it is allowed for a test
## 4. AUTH LOGIN without encryption
### 4.1 AUTH LOGIN in clear text, where it is allowed for a test
## 5. Understanding encryption
### 5.1 Which kind of encryption each port has
### 5.2 STARTTLS, then AUTH PLAIN and a message
### 5.3 What a self-signed certificate looks like
### 5.4 TLS from the first byte, then AUTH PLAIN and a message
### 5.5 AUTH PLAIN lets in the right password, and no other
### 5.6 AUTH LOGIN works as AUTH PLAIN does
### 5.7 The submission service takes nobody without a login
## 6. Certificates
### 6.1 The certificate of each port is good
### 6.2 All ports show the same certificate
### 6.3 Each port serves the certificate that lies on disk
### 6.4 Who asks for one of the server's names gets a certificate for it
### 6.5 The certificate is the one that DNS announces
## 7. What a server takes, and what it refuses
### 7.1 Mail from nobody is accepted for our mailboxes
### 7.2 Postmaster can be written to
### 7.3 Nobody writes in another's name
### 7.4 SIZE means what it says
### 7.5 Mail from addresses outside ASCII is accepted
### 7.6 Orders for delivery reports are read
### 7.7 A stranger is deferred, and let in when he comes again
### 7.8 Over quota: one is told, the other has the mail
### 7.9 A slip is forgiven, a flood of errors is not
### 7.10 Who guesses passwords is stopped
## 8. Mail on its way
### 8.1 Mail from outside arrives in the mailbox
### 8.2 Mail from outside arrives, and its owner reads it
### 8.3 Mail leaves encrypted where the other server can
### 8.4 A bad certificate stops delivery
### 8.5 Mail that is put off is tried again
### 8.6 Mail that is refused comes back to who wrote it
### 8.7 A message that is refused comes back to who wrote it
### 8.8 A server that breaks off loses no mail
### 8.9 The relayhost is logged in to
## 9. SMTP smuggling
### 9.1 One message stays one message
### 9.2 A bare CR ends no command
### 9.3 A NUL ends neither an address nor a message
### 9.4 Lines and addresses that are too long do no harm
### 9.5 Who pipelines without being asked to is served in order, or not at all
### 9.6 Who talks before the greeting is served in order, or not at all
### 9.7 What was sent beside STARTTLS is forgotten
`

// TestRunbookAsDocument: the runbooks make a document, chapter by chapter, which is
// the same when it is made of results that were kept, and shows no password.
func TestRunbookAsDocument(t *testing.T) {
	t.Parallel()
	s, _ := demoSite(t)
	run := documented(s.run(t, names(t), "send=yes"))
	document := markdown(t, run)
	headings := regexp.MustCompile(`(?m)^##{1,2} .*\n`).FindAllString(outsideCode(document), -1)
	if got := strings.Join(headings, ""); got != contents[1:] {
		t.Errorf("the chapters are\n%s", got)
	}
	var kept bytes.Buffer
	if err := report.WriteJSON(&kept, run); err != nil {
		t.Fatal(err)
	}
	again, err := report.ReadJSON("results.json", &kept)
	if err != nil {
		t.Fatal(err)
	}
	if markdown(t, again) != document {
		t.Error("of results that were kept comes another document")
	}
	if strings.Contains(document, lab.Password) {
		t.Error("it shows the password")
	}
}

// TestChaptersAgree: a chapter has one title, and no place in one is taken twice.
func TestChaptersAgree(t *testing.T) {
	titles, taken := map[int]string{}, map[string]string{}
	for _, name := range names(t) {
		c, ok := suite.ParseChapter(compile(t, name).Chapter())
		if !ok || len(c.Number) != 2 {
			t.Errorf("%s: no place in a chapter", name)
			continue
		}
		if was := titles[c.Number[0]]; was != "" && was != c.Title {
			t.Errorf("%s: chapter %d is %q, and %q elsewhere", name, c.Number[0], c.Title, was)
		}
		titles[c.Number[0]] = c.Title
		if was := taken[c.Place()]; was != "" {
			t.Errorf("%s and %s both are %s", name, was, c.Place())
		}
		taken[c.Place()] = name
	}
}

func documented(results []suite.Result) *report.Run {
	mask := report.Mask{Redact: &transcript.Redactor{}}
	mask.Redact.Add("password", lab.Password)
	run := &report.Run{}
	for _, r := range results {
		run.Results = append(run.Results, mask.Result(r))
	}
	return run
}

func markdown(t *testing.T, run *report.Run) string {
	t.Helper()
	var out bytes.Buffer
	if err := report.WriteMarkdown(&out, run); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// outsideCode is a document without its blocks of code.
func outsideCode(document string) string {
	return regexp.MustCompile("(?ms)^(```+)[a-z]*\n.*?^```+\n").ReplaceAllString(document, "")
}
