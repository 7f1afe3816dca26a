package main

import (
	"crypto/tls"
	"io"
	"testing"

	"smtplay/engine/server"
)

// TestTold: a client's line says what became of its mail, and is short whatever it
// brought.
func TestTold(t *testing.T) {
	taken := func(address string) server.Recipient {
		return server.Recipient{Address: address, Accepted: true, Reply: "250 2.1.5 Ok"}
	}
	mail := server.Message{From: "a@example.org", To: []string{"b@example.com"}, Recipients: []server.Recipient{taken("b@example.com")},
		Complete: true, Accepted: true, Reply: "250 2.0.0 Ok"}
	with := func(change func(*server.Message)) []server.Message {
		m := mail
		change(&m)
		return []server.Message{m}
	}
	greeted := []server.Given{{Key: "greeting", Reply: "220 mx"}}
	for _, tt := range []struct {
		visit  server.Visit
		want   string
		reason string
	}{
		{server.Visit{Peer: "127.0.0.1", Helo: "me", Messages: []server.Message{mail}, Ended: server.EndedByQuit}, "127.0.0.1 me; <a@example.org> to <b@example.com>: 250 2.0.0 Ok", "all went well"},
		{server.Visit{Peer: "127.0.0.1", Helo: "me", User: "james", TLS: &tls.ConnectionState{Version: tls.VersionTLS12}, Messages: []server.Message{mail}, Ended: server.EndedByQuit},
			"127.0.0.1 me, TLS 1.2, user james; <a@example.org> to <b@example.com>: 250 2.0.0 Ok", "who it was"},
		{server.Visit{Peer: "::1", Messages: with(func(m *server.Message) { m.Complete, m.Reply = false, "" }), Replies: greeted, Ended: server.EndedByClient},
			"::1; <a@example.org> to <b@example.com>, and no message; it went away without QUIT", "it left in the middle"},
		{server.Visit{Helo: "me", Messages: with(func(m *server.Message) { m.Reply = "" }), Ended: server.EndedByServer},
			"me; <a@example.org> to <b@example.com>, unanswered; ended by the server", "the message was not answered"},
		{server.Visit{Helo: "me", Messages: with(func(m *server.Message) {
			m.To = nil
			m.Recipients = []server.Recipient{{Address: "x@example.com", Reply: "550-5.1.1 Sorry\r\n550 5.1.1 Nobody"}}
			m.Complete, m.Reply = false, ""
		}), Ended: server.EndedByQuit}, "me; <a@example.org> to <x@example.com> refused: 550 5.1.1 Nobody", "the last line of a refusal"},
		{server.Visit{Helo: "me", Messages: with(func(m *server.Message) {
			m.Recipients = []server.Recipient{taken("b@example.com"), taken("c@example.com")}
			m.Recipients[0].Final, m.Recipients[1].Final = "250 b", "452 c"
		}), Ended: server.EndedByQuit}, "me; <a@example.org> to <b@example.com>: 250 b; to <c@example.com>: 452 c", "LMTP answers for each"},
		{server.Visit{Helo: "me", Messages: with(func(m *server.Message) {
			m.Recipients = []server.Recipient{taken("1"), taken("2"), taken("3"), taken("4"), taken("5")}
		}), Ended: server.EndedByQuit}, "me; <a@example.org> to <1> to <2> to <3> and 2 more: 250 2.0.0 Ok", "many recipients"},
		{server.Visit{Helo: "me", Messages: []server.Message{{From: "1"}, {From: "2"}, {From: "3"}, {From: "4"}}, Ended: server.EndedByQuit}, "me; <1>; <2>; <3>; and 1 message more", "many messages"},
		{server.Visit{Helo: "me", Replies: append(greeted, server.Given{Key: "response", Reply: "535 5.7.8 No"}), Ended: server.EndedByQuit}, "me; AUTH: 535 5.7.8 No", "why there is no mail"},
		{server.Visit{Peer: "127.0.0.1", Ended: server.EndedByClient}, "127.0.0.1; it went away", "a function played it: whether it said QUIT is not known"},
		{server.Visit{Ended: server.EndedHandshake, Handshake: &server.HandshakeError{Alert: "bad certificate", Err: io.EOF}}, "no name; the client refused TLS: bad certificate", "on a socket"},
		{server.Visit{Helo: "me", Ended: server.EndedByFault, Err: io.ErrNoProgress}, "me; it broke off: multiple Read calls return no data or error", "anything else"},
	} {
		if got := told(&tt.visit); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.reason, got, tt.want)
		}
	}
}
