package lab

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
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

// Messages are all that were delivered so far, oldest first. A message is delivered some hundredths of a second after
// the reply to its final dot: [Postfix.Delivered] waits.
func (p *Postfix) Messages() ([]Message, error) {
	var messages []Message
	root := p.path("mail")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // moved on between listing and looking
		}
		// A maildir: what is complete lies in "new".
		if err != nil || entry.IsDir() || filepath.Base(filepath.Dir(path)) != "new" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mailbox, err := filepath.Rel(root, filepath.Dir(filepath.Dir(path)))
		if err != nil {
			return err
		}
		m := parseMessage(data)
		m.Mailbox, m.when = filepath.ToSlash(mailbox), info.ModTime()
		messages = append(messages, m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("lab: reading the mailboxes: %w", err)
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
	err := waitUntil(ctx, func() bool {
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
		return Message{}, fmt.Errorf("lab: no such message was delivered: %w\n%s", err, tail(p.Log(), logTail))
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
