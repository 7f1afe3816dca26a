package dsl

import (
	"cmp"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine/mailbox/imap"
)

func imapVerb() *verb {
	return &verb{name: "imap", returns: "mailbox", doc: "A folder of an IMAP server in which messages arrive. TLS and verification are as of connect; on another machine the password goes over nothing else unless insecure says so. Removing is by the right of the login.",
		args: []param{{name: "server", kind: textKind, optional: true, doc: "host:port, or host for port 993"}},
		options: slices.Concat([]param{
			{name: "server", kind: textKind, doc: "the same, by name"},
			{name: "user", kind: textKind, doc: "who logs in"},
			{name: "password", kind: textKind, doc: "give it as a secret"},
			{name: "mailbox", kind: textKind, doc: "the folder (default INBOX)"},
			{name: "tls", kind: booleanKind, doc: "TLS from the first byte, as on port 993 always; elsewhere STARTTLS is demanded, but not on this machine"},
			{name: "insecure", kind: booleanKind, doc: "the password may go over unverified and clear connections"},
			{name: "timeout", kind: durationKind, doc: "how long each answer may take"},
		}, securityParams),
		example: `imap{ server = "mail.example.com", user = "james", password = secret "password" }:expect{ subject = id }`, run: runIMAP}
}

func runIMAP(c *call) int {
	c.inTest()
	o := imap.Options{Server: cmp.Or(c.text(0), c.optText("server")), User: c.optText("user"), Password: c.optText("password"),
		Mailbox: c.optText("mailbox"), Timeout: c.duration(c.option("timeout"), "timeout"), Insecure: c.s.env.Options.Insecure}
	switch {
	case c.text(0) != "" && c.option("server") != lua.LNil:
		c.wrong("imap has its server twice")
	case o.Server == "":
		c.wrong("imap needs a server")
	case o.Password == "":
		c.wrong("imap needs a password: give it as a secret")
	}
	c.s.log.Redactor.AddSeen("password", o.Password)
	if tls := c.optBool("tls"); tls != nil {
		o.TLS = *tls
	}
	if insecure := c.optBool("insecure"); insecure != nil {
		o.Insecure = *insecure
	}
	o.Security = c.s.env.Options.Security
	c.security().apply(&o.Security)
	ctx := c.s.ctx
	back := c.s.waiting()
	box, err := imap.Open(ctx, o)
	back()
	if err != nil && c.s.ctx.Err() != nil {
		c.interrupted()
	}
	return c.opened(box, "", "imap "+cmp.Or(o.Mailbox, "INBOX"), err)
}
