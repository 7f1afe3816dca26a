package main

import (
	"context"
	"fmt"
	"net"
	"strings"

	"smtplay/engine"
)

// slash is a command to smtplay itself.
type slash struct {
	name     string
	operands string // as help shows them, "" for none
	about    string
	run      func(d *dialogue, ctx context.Context, operands string) error
}

// slashes are all of them, in the order of /help.
func slashes() []slash {
	return []slash{
		{"starttls", "", "STARTTLS and the handshake; typed by hand it is the same", func(d *dialogue, ctx context.Context, _ string) error { return d.command(ctx, "STARTTLS") }},
		{"tls", "", "TLS from the first byte, before the server has spoken", (*dialogue).tlsFirst},
		{"auth", "MECHANISM USER [IDENTITY]", "log in; the password is asked for, and not shown", (*dialogue).auth},
		{"data", "", "DATA, and the message up to a lone dot; typed by hand it is the same", func(d *dialogue, ctx context.Context, _ string) error { return d.command(ctx, "DATA") }},
		{"cert", "", "the server's certificate", (*dialogue).certificate},
		{"note", "TEXT", "put a remark into the transcript and the script", (*dialogue).note},
		{"undo", "", "take the last exchange, or note, out of what is written", (*dialogue).undo},
		{"save", "[NAME]", "write the script now, both files called NAME from here on", (*dialogue).save},
		{"quit", "", "QUIT, and write the files; Ctrl-D does it too, Ctrl-C without QUIT", func(d *dialogue, ctx context.Context, _ string) error { d.left = true; return d.quit(ctx) }},
		{"help", "", "this list", (*dialogue).help},
	}
}

func slashNamed(name string) (slash, bool) {
	for _, s := range slashes() {
		if s.name == name {
			return s, true
		}
	}
	return slash{}, false
}

// isSlash says whether a line is a command to smtplay that there is.
func isSlash(line string) bool {
	name, _, _ := strings.Cut(line, " ")
	_, ok := slashNamed(strings.TrimPrefix(name, "/"))
	return ok && strings.HasPrefix(name, "/")
}

// slash does a command to smtplay.
func (d *dialogue) slash(ctx context.Context, line string) error {
	name, operands, _ := strings.Cut(strings.TrimSpace(line[1:]), " ")
	operands = strings.TrimSpace(operands)
	s, ok := slashNamed(name)
	if !ok {
		var names []string
		for _, s := range slashes() {
			names = append(names, s.name)
		}
		if near := nearest(name, names); near != "" {
			return refused("unknown command /%s", name).try("did you mean /%s?", near)
		}
		return refused("unknown command /%s", name).try("/help lists them; a second slash before it sends the line")
	}
	if s.operands == "" && operands != "" {
		return refused("/%s takes no operand", name)
	}
	return s.run(d, ctx, operands)
}

// command sends a command that was not typed, where one may be sent.
func (d *dialogue) command(ctx context.Context, line string) error {
	if err := d.idle(); err != nil {
		return err
	}
	return d.exchange(ctx, line, false)
}

// idle refuses what would be taken for the answer to a 334.
func (d *dialogue) idle() error {
	if d.answering() {
		return refused("an AUTH waits for its answer: nothing was sent").try(`"*" gives it up`)
	}
	return nil
}

// tlsFirst begins TLS where nothing was said yet.
func (d *dialogue) tlsFirst(ctx context.Context, _ string) error {
	switch cmd, owes := d.conn.Owes(); {
	case d.conn.TLS() != nil:
		return refused("TLS is on already")
	case !owes || !cmd.Greeting:
		return refused("the server has spoken in clear: this is no port for TLS from the first byte").try("/starttls begins it here")
	}
	return d.conn.HandshakeFirst(ctx, d.conn.Security())
}

// note puts a remark into the transcript.
func (d *dialogue) note(ctx context.Context, text string) error {
	if text == "" {
		return refused("/note is written /note TEXT")
	}
	if err := d.greeted(ctx); err != nil {
		return err
	}
	d.steps = append(d.steps, step{from: d.files.lines, what: text, note: true})
	d.conn.Note("%s", text)
	return nil
}

// undo takes the last step out of what is written.
func (d *dialogue) undo(context.Context, string) error {
	if d.open != nil {
		return refused("%s is under way: nothing was taken out", d.open.what).try("it can be taken out once it is answered")
	}
	if len(d.steps) == 0 {
		return refused("there is nothing to take out")
	}
	last := d.steps[len(d.steps)-1]
	if last.fixed != "" {
		return refused("nothing was taken out: %s", last.fixed)
	}
	if err := d.files.cut(last.from); err != nil {
		return err
	}
	d.steps = d.steps[:len(d.steps)-1]
	if last.note {
		d.remark("took out the note %s", last.what)
	} else {
		d.remark("took out %s: the server still has it", last.what)
	}
	return nil
}

// save writes the script as it is now.
func (d *dialogue) save(ctx context.Context, name string) error {
	if err := d.greeted(ctx); err != nil {
		return err
	}
	if name != "" {
		if err := d.files.rename(name); err != nil {
			return refused("%v: nothing was saved", err).try("/save takes another name; --force overwrites")
		}
	}
	if err := d.files.script(d.script); err != nil {
		return refused("%v: the script was not written", err)
	}
	d.remark("wrote %s.lua and %s.smtp", d.files.name, d.files.name)
	return nil
}

// quit says QUIT, where a good client may.
func (d *dialogue) quit(ctx context.Context) error {
	if cmd, owes := d.conn.Owes(); owes && cmd.Greeting && d.in.edited() {
		return nil // whoever types has seen that nothing comes
	}
	if d.conn.AwaitsText() {
		d.remark("the message was not ended by a lone dot: the server drops it")
	}
	if err := d.greeted(ctx); err != nil {
		return d.faultOf(ctx, err)
	}
	if d.conn.AwaitsText() || d.answering() || d.last.Code == 421 {
		return nil
	}
	err := d.exchange(ctx, "QUIT", false)
	if engine.IsKind(err, engine.Closed) || engine.IsKind(err, engine.Reset) {
		return nil // the server was quicker
	}
	return d.faultOf(ctx, err)
}

// help shows what can be typed.
func (d *dialogue) help(context.Context, string) error {
	var b strings.Builder
	b.WriteString("A line is sent as it is typed, with CRLF. After a 354 it is message text, up to a\n" +
		"lone dot; dots are doubled where they begin a line. The Tab key completes.\n\n")
	for _, s := range slashes() {
		fmt.Fprintf(&b, "  %-32s %s\n", strings.TrimSpace("/"+s.name+" "+s.operands), s.about)
	}
	b.WriteString("\n  //…                              send a line that begins with a slash\n")
	d.screen.print(b.String())
	return nil
}

// addressLiteral is our end's address as EHLO has it where the host has no name
// (RFC 5321 section 4.1.3).
func addressLiteral(ip net.IP) string {
	switch {
	case ip == nil:
		return "localhost"
	case ip.To4() == nil:
		return "[IPv6:" + ip.String() + "]"
	}
	return "[" + ip.String() + "]"
}
