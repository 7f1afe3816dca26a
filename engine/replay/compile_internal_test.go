package replay

import (
	"slices"
	"testing"
	"time"

	"smtplay/engine"
	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

// recorded is what a file holds of a conversation.
func recorded(t *testing.T, tape *transcript.Tape) []transcript.Event {
	t.Helper()
	events, _ := tape.Events()
	file := []byte(transcript.Header + "\n")
	for _, e := range events {
		file = transcript.AppendEvent(file, e)
	}
	events, err := transcript.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// The engine's own words for what a client waited for are understood.
func TestNotesOfTheEngine(t *testing.T) {
	cert, err := server.MakeCertificate(server.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	secure := server.Polite{TLS: cert.ServerConfig()}
	mute := server.Polite{On: server.Answers{"noop": server.Answer{}, "rset": server.Send("250-")}}
	for _, tt := range []struct {
		name string
		peer server.Polite
		play func(c *engine.Conn)
		want []kind
	}{
		{"silence", mute, func(c *engine.Conn) { c.ExpectSilence(t.Context(), 10*time.Millisecond); c.Close() }, []kind{connect, hear, silence, leave}},
		{"no reply", mute, func(c *engine.Conn) {
			c.Send(t.Context(), transcript.Pos{}, "NOOP")
			c.ReadReply(t.Context(), 10*time.Millisecond)
			c.Close()
		}, []kind{connect, hear, say, unheard, leave}},
		{"half a reply", mute, func(c *engine.Conn) {
			c.Send(t.Context(), transcript.Pos{}, "RSET")
			c.ReadReply(t.Context(), time.Second)
			c.Close()
		}, []kind{connect, hear, say, hear, unheard, leave}},
		{"no end", mute, func(c *engine.Conn) { c.ExpectClose(t.Context(), 10*time.Millisecond); c.Close() }, []kind{connect, hear, left, leave}},
		{"no handshake", secure, func(c *engine.Conn) {
			c.Send(t.Context(), transcript.Pos{}, "STARTTLS")
			c.ReadReply(t.Context(), 0)
			c.Handshake(t.Context(), engine.TLSOptions{Name: "localhost"})
		}, []kind{connect, hear, say, hear, handshake, leave}},
	} {
		tape := &transcript.Tape{}
		c, err := engine.Connect(t.Context(), server.Start(t, tt.peer.Serve).Addr(), engine.Options{Recorder: tape})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.ReadReply(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		tt.play(c)
		var got []kind
		for _, s := range compile(recorded(t, tape)) {
			got = append(got, s.kind)
		}
		if !slices.Equal(got, tt.want) {
			events, _ := tape.Events()
			t.Errorf("%s: %v, want %v: %v", tt.name, got, tt.want, events)
		}
	}
}
