// Package server plays the server's side of SMTP, well or badly, from code. It
// is the opponent of every test that needs a server which misbehaves on
// purpose, and plays the server's side of transcripts.
//
// A [Server] hands each connection to a [Handler] in a goroutine of its own.
// The handler drives a [Session] with small verbs: [Session.Reply] writes
// lines, [Session.Raw] exact bytes, [Session.Expect] reads a command,
// [Session.Reset] slams the door. The first fault of a session stays: every
// later verb does nothing and returns it, so that a handler reads as a plain
// list of steps, and [Server.Err] reports it.
//
//	srv := server.Start(t, func(s *server.Session) {
//		s.Reply("220 mail.example.com")
//		s.Expect("EHLO")
//		s.Raw("250-half a re")
//		s.Reset()
//	})
//
// Most tests want a correct server with a single fault. That is [Polite], of
// which any reply can be replaced:
//
//	srv := server.Start(t, server.Polite{On: server.Answers{
//		"rcpt 2": server.Say("452 4.5.3 Too many recipients"),
//		".":      server.Say("250 2.0.0 Ok").InSegments(1, 0).Then(server.Drop),
//	}}.Serve)
//
// And a [Recording] plays what another server said once, by its transcripts.
//
// A [Listener] hands its connections to whoever asks, one by one. Their sessions
// can be recorded as conversations of a transcript ([Session.Record]), and
// [Polite.Play] plays one and tells all of it as a [Visit].
//
// Everything but [Session.Reset] and [Session.CloseWrite] works over any
// net.Conn, net.Pipe under testing/synctest included: all waiting is on the
// connection, on channels and on timers.
//
// The protocol is that of RFC 5321 (SMTP), RFC 2033 (LMTP), RFC 3207
// (STARTTLS), RFC 4954 (AUTH), RFC 3030 (CHUNKING) and Postfix's XCLIENT.
//
// [MakeCA] and [MakeCertificate] make certificates in memory, good and bad, and
// [CertificateNamed] those of a [Flaw].
package server
