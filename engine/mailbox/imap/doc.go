// Package imap is a [mailbox.Box] on a folder of an IMAP server (RFC 3501, RFC 9051), for test messages that
// are delivered where no script can read files.
//
// [Open] connects, logs in and selects the folder. What is read stays unread: messages are fetched with
// BODY.PEEK, which sets no \Seen. What is removed is one message, by UID EXPUNGE (RFC 4315): what others
// marked as deleted stays.
//
// # Safety
//
// The password goes over TLS that is verified, chain and name, or to this machine itself: over anything else
// it is not sent, unless Options.Insecure. What the server sends is bounded in bytes and in time, whatever it says. Error
// texts do not hold the password, nor what was made of it, where the server echoes it.
//
// # What is new
//
// IMAP dates the arrival of a message (INTERNALDATE) in whole seconds, by the server's clock. A message counts as
// new since t if it
//
//   - came after Open, where that was at t or later: its UID says so, whatever the clocks say; or
//   - is dated t or later, t without its fraction of a second. So none that came after t is missed while the clocks agree, and
//     one that came in the same second, but before t, counts too.
//
// One that lay there at Open but is dated later tells of a clock that is ahead of ours, not of when it came: it does not count.
// So where the clocks differ, open the box before the mail is sent.
//
// # The protocol
//
// It is a small part of IMAP, and written here: the client library that is there, github.com/emersion/go-imap/v2 as of
// v2.0.0-beta.8, parses body structures that nobody asked for without a limit to their depth, so that a hostile
// server can keep it busy for ever with a megabyte of parentheses. Here a response is at most a megabyte, without recursion, and a message what was asked
// for of it.
package imap
