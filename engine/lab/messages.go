package lab

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"smtplay/engine/lab/daemon"
)

// The mailboxes for what is not hosted.
const (
	// Sink has what was relayed: mail for domains that are not ours.
	Sink = "sink"
	// Local has what came for the server's own name, such as postmaster's mail.
	Local = "local"
)

// A Message is one that was delivered: one for each recipient.
type Message struct {
	// QueueID is the name under which the reply after the final dot said it was queued.
	QueueID string
	// From is the envelope's sender, empty for a bounce.
	From string
	// To is the recipient as the client wrote it.
	To string
	// Mailbox is Sink, Local, or the domain and the name of a hosted mailbox: "new.example.com/james".
	Mailbox string
	// Data is the message with the header that Postfix put in front, lines ending in LF.
	Data []byte

	when time.Time
}

// Maildir is the folder of a hosted mailbox, which is there from the start: what was delivered lies in
// its folder "new", and a report on a message that this address has sent as well.
func (p *Postfix) Maildir(address string) string {
	name, domain, _ := strings.Cut(address, "@")
	return p.path("mail", domain, name)
}

// makeMaildirs makes the folders of the mailboxes, with the owner who delivers to them.
func (p *Postfix) makeMaildirs(mailboxes []string) error {
	for _, address := range mailboxes {
		dir := p.Maildir(address)
		for _, path := range []string{filepath.Dir(dir), dir, filepath.Join(dir, "tmp"), filepath.Join(dir, "new"), filepath.Join(dir, "cur")} {
			err := os.MkdirAll(path, 0o700)
			if err == nil {
				err = os.Chown(path, p.install.uid, p.install.gid)
			}
			if err != nil {
				return fmt.Errorf("lab: %w", err)
			}
		}
	}
	return nil
}

// Messages are all that were delivered so far, oldest first. A message is delivered some hundredths of a second after
// the reply to its final dot: [Postfix.Delivered] waits.
func (p *Postfix) Messages() ([]Message, error) {
	letters, err := daemon.Letters(p.path("mail"))
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	var messages []Message
	for _, l := range letters {
		m := parseMessage(l.Data)
		m.Mailbox, m.when = l.Mailbox, l.When
		messages = append(messages, m)
	}
	slices.SortStableFunc(messages, func(a, b Message) int {
		return cmp.Or(a.when.Compare(b.when), cmp.Compare(a.QueueID, b.QueueID))
	})
	return messages, nil
}

// Delivered waits for a message that want says yes to and returns the oldest such. It gives up when ctx
// ends, with an error that holds the end of the log.
func (p *Postfix) Delivered(ctx context.Context, want func(Message) bool) (Message, error) {
	var found Message
	var failed error
	err := daemon.WaitUntil(ctx, func() bool {
		var all []Message
		if all, failed = p.Messages(); failed != nil {
			return true
		}
		i := slices.IndexFunc(all, want)
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	if err != nil {
		return Message{}, fmt.Errorf("lab: no such message was delivered: %w\n%s", err, daemon.Tail(p.Log(), logTail))
	}
	return found, failed
}

// parseMessage takes a message's envelope from the header lines that virtual(8) and cleanup(8) put in front. It
// stops at the first Received, since all below may come from the client.
func parseMessage(data []byte) Message {
	m := Message{Data: data}
	received := false
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line := lines.Text()
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case received && !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, " "):
			return m
		case received:
			words := strings.Fields(line)
			if i := slices.Index(words, "id"); i >= 0 && i+1 < len(words) && m.QueueID == "" {
				m.QueueID = strings.TrimRight(words[i+1], ";")
			}
		case name == "Return-Path":
			m.From = strings.Trim(value, "<>")
		case name == "X-Original-To", name == "Delivered-To" && m.To == "":
			m.To = value
		case name == "Received":
			received = true
		case line == "":
			return m
		}
	}
	return m
}
