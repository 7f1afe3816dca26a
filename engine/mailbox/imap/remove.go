package imap

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"smtplay/engine/mailbox"
)

// Remove removes a message, and no other that somebody marked as deleted: the server must offer UIDPLUS
// (RFC 4315), else nothing is done. One that is gone already is an error that wraps fs.ErrNotExist. Errors are of type *Error.
func (b *Box) Remove(ctx context.Context, m *mailbox.Message) error {
	var validity, uid uint32
	if n, err := fmt.Sscanf(m.Key, "%d.%d", &validity, &uid); n != 2 || err != nil || uid == 0 {
		return b.fault("remove", Misuse, "nothing was removed: the message is of another box", nil)
	}
	if err := b.ready(ctx); err != nil {
		return err
	}
	if validity != b.validity {
		return b.renumbered("remove", validity, b.validity)
	}
	if !slices.Contains(b.offers, "UIDPLUS") && !slices.Contains(b.offers, "IMAP4REV2") {
		return b.fault("remove", NotOffered, "nothing was removed: the server does not offer UIDPLUS, and without it all that anybody marked as deleted would go too", nil)
	}
	return b.do(ctx, "remove", func(w *wire) error { return b.expunge(w, uid) })
}

// expunge looks whether the message is there, as neither STORE nor EXPUNGE tell.
func (b *Box) expunge(w *wire, uid uint32) error {
	if err := w.ask(nil, "NOOP"); err != nil {
		return err
	}
	there := false
	err := w.ask(func(r response) error {
		f, ok, err := r.fetch()
		there = there || ok && f.uid == uid
		return err
	}, fmt.Sprintf("UID FETCH %d (UID FLAGS)", uid))
	switch {
	case err != nil:
		return err
	case !there:
		return b.fault("remove", Gone, fmt.Sprintf("%s, UID %d, is gone already", b.o.Mailbox, uid), fs.ErrNotExist)
	}
	if err := w.ask(nil, fmt.Sprintf(`UID STORE %d +FLAGS.SILENT (\Deleted)`, uid)); err != nil {
		return err
	}
	return w.ask(nil, fmt.Sprintf("UID EXPUNGE %d", uid))
}
