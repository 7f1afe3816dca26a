// Package mailbox is where test messages arrive, and what is demanded of them: a
// [Box] is a Maildir or an mbox file (or, elsewhere, a folder of an IMAP server), a
// [Demand] says what a message must be, and [Await] looks into the box until a
// message fits. What a listener of ours took is judged by the same code: it is a
// [Message] with an [Envelope].
//
// It has a room of its own because a conversation ends with the reply to its final
// dot: whether the message arrived, and how it looks by then, is another question.
package mailbox
