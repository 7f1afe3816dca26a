package engine_test

import (
	"strings"
	"testing"

	"smtplay/engine"
	"smtplay/engine/server"
)

// chunk sends one, from a script line of its own.
func (k *talk) chunk(bytes string, last bool) error {
	k.pos.Line++
	return k.Chunk(k.ctx, k.pos, []byte(bytes), last)
}

// Chunks arrive as they are, and each owes its reply.
func TestChunks(t *testing.T) {
	srv := server.Start(t, server.Polite{}.Serve)
	k := dial(t, srv, engine.Options{})
	k.read("220")
	for _, line := range []string{"EHLO x", "MAIL FROM:<>", "RCPT TO:<b@example.com>"} {
		k.ask(line, "250")
	}
	for _, piece := range []string{"a\r\n.\r\n", "", "\x00\n\r.."} {
		if err := k.chunk(piece, false); err != nil {
			t.Fatal(err)
		}
		wantErr(t, k.chunk("x", false), engine.Owed, "BDAT 1 was not sent: the reply to BDAT")
		k.read("250")
	}
	if err := k.chunk("end", true); err != nil {
		t.Fatal(err)
	}
	if cmd, owes := k.Owes(); !owes || !cmd.Final || cmd.Line != "BDAT 3 LAST" {
		t.Errorf("owes %v", cmd)
	}
	k.read("250")
	if got := srv.Messages(); len(got) != 1 || got[0].Data != "a\r\n.\r\n\x00\n\r..end" {
		t.Errorf("got %+v", got)
	}
}

// A secret stays here where the connection is not safe, also in a chunk.
func TestSecretInChunk(t *testing.T) {
	srv := server.Start(t, server.Polite{}.Serve)
	opts := engine.Options{}
	k := prepare(t, &opts)
	c, err := engine.Over(k.ctx, farAway{dialNet(t, srv.Addr())}, "mail.example.com:25", opts)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	k.Conn = c
	k.red.Add("token", "correct horse")
	k.read("220")
	wantErr(t, k.chunk("it is correct horse", true), engine.Insecure, `the secret "token"`)
	if strings.Contains(k.transcript(), "BDAT") {
		t.Errorf("it was sent:\n%s", k.transcript())
	}
}

// In LMTP the last chunk owes a reply for each recipient, and one where there is none.
func TestChunksByLMTP(t *testing.T) {
	for _, rcpts := range [][]string{nil, {"a@example.com"}, {"a@example.com", "b@example.com"}} {
		k := greeted(t, server.Polite{LMTP: true}.Serve, engine.Options{})
		k.ask("LHLO x", "250")
		k.ask("MAIL FROM:<>", "250")
		for _, r := range rcpts {
			k.ask("RCPT TO:<"+r+">", "250")
		}
		if err := k.chunk("x", true); err != nil {
			t.Fatal(err)
		}
		if len(rcpts) == 0 {
			k.read("503")
		}
		for _, r := range rcpts {
			if cmd, owes := k.Owes(); !owes || cmd.For != r {
				t.Errorf("owes %v, want that of %s", cmd, r)
			}
			k.read("250")
		}
		if cmd, owes := k.Owes(); owes {
			t.Errorf("still owes %v", cmd)
		}
	}
}

// A 353 begins the replies for the recipients only where MAIL asked for them, in
// the transaction that is under way.
func TestPRDR(t *testing.T) {
	for _, row := range []struct {
		reason   string
		commands string
		owed     string // to whom replies are owed after the 353
	}{
		{"asked for", "EHLO x|MAIL FROM:<a@b> SIZE=1 prdr|RCPT TO:<a@example.com>|RCPT TO:<b@example.com>", "a@example.com,b@example.com,"},
		{"one that was refused gets none", "EHLO x|MAIL FROM:<> PRDR|RCPT TO:<a@example.com>|RCPT TO:<>", "a@example.com,"},
		{"not asked for", "EHLO x|MAIL FROM:<prdr>|RCPT TO:<a@example.com>", ""},
		{"of the transaction before", "EHLO x|MAIL FROM:<> PRDR|RCPT TO:<a@example.com>|RSET|MAIL FROM:<>|RCPT TO:<b@example.com>", ""},
		{"forgotten by EHLO", "EHLO x|MAIL FROM:<> PRDR|EHLO x|MAIL FROM:<>|RCPT TO:<b@example.com>", ""},
	} {
		t.Run(row.reason, func(t *testing.T) {
			replies := []string{"353 go"}
			for range strings.Count(row.owed, ",") + min(1, len(row.owed)) {
				replies = append(replies, "250 ok")
			}
			k := greeted(t, server.Polite{On: server.Answers{".": server.Say(replies...)}}.Serve, engine.Options{})
			for command := range strings.SplitSeq(row.commands, "|") {
				if err := k.say(command); err != nil {
					t.Fatal(err)
				}
				if _, err := k.ReadReply(k.ctx, 0); err != nil {
					t.Fatal(err)
				}
			}
			k.ask("DATA", "354")
			if err := k.Message(k.ctx, k.pos, []byte("x")); err != nil {
				t.Fatal(err)
			}
			k.read("353")
			var owed []string
			for cmd, owes := k.Owes(); owes; cmd, owes = k.Owes() {
				owed = append(owed, cmd.For)
				k.read("250")
			}
			if got := strings.Join(owed, ","); got != row.owed {
				t.Errorf("owed %q, want %q", got, row.owed)
			}
			k.ask("NOOP", "250")
		})
	}
}

// The replies for the recipients come before that to a command in the segment of
// the lone dot.
func TestPRDRInGroup(t *testing.T) {
	k := greeted(t, server.Polite{On: server.Answers{".": server.Say("353 go", "250 a", "250 done")}}.Serve, engine.Options{})
	for _, line := range []string{"EHLO x", "MAIL FROM:<> PRDR", "RCPT TO:<a@example.com>"} {
		k.ask(line, "250")
	}
	k.ask("DATA", "354")
	if err := k.PipelineText(k.ctx, k.pos, "x\n.", []string{"NOOP"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ reply, command string }{{"353", "."}, {"250 a", ". for a@example.com"}, {"250 done", "."}, {"250", "NOOP"}} {
		if cmd, _ := k.Owes(); cmd.String() != want.command {
			t.Errorf("owes %v, want %s", cmd, want.command)
		}
		k.read(want.reply)
	}
}

// What a server reads as the answer to its challenge is no chunk.
func TestChunkInAuth(t *testing.T) {
	k := greeted(t, server.Polite{Users: map[string]string{"a": "b"}}.Serve, engine.Options{})
	k.ask("EHLO x", "250")
	k.ask("AUTH LOGIN", "334")
	wantErr(t, k.chunk("x", true), engine.Misuse, "BDAT was not sent: a 334 is unanswered")
	k.ask("*", "501")
	k.ask("NOOP", "250")
}
