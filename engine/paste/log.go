package paste

import (
	"bytes"
)

// record is a line of a system log: which process wrote it, and what of it is
// said in a conversation.
type record struct {
	process []byte // its name and number
	mail    bool   // it is Postfix, or writes as it does
	begins  bool   // a conversation begins
	ends    bool
	text    []byte // what the line says; behind the mark, where it has one
	mark    mark
	peer    []byte // whom a conversation is with: host[address], host[address]:port
	client  bool   // it is the client's side that writes the log
}

// logRecord takes a line of a log apart: time, host, PROCESS[NUMBER]: text. ok is
// false for any other line.
func logRecord(b []byte) (rec record, ok bool) {
	if len(b) < 20 || !isStamp(b) && !bytes.HasPrefix(b, []byte("postfix")) {
		return record{}, false
	}
	colon := bytes.Index(b, []byte("]: "))
	if colon < 0 {
		return record{}, false
	}
	open := bytes.LastIndexByte(b[:colon], '[')
	start := bytes.LastIndexByte(b[:max(open, 0)], ' ') + 1
	if open <= start || !allDigits(b[open+1:colon]) {
		return record{}, false
	}
	rec.process, rec.text = b[stampLength(b, start):colon+1], b[colon+3:] // with its host: logs are collected
	name := b[start:open]
	rec.mail = bytes.HasPrefix(name, []byte("postfix")) || bytes.HasSuffix(name, []byte("/smtpd")) || bytes.HasSuffix(name, []byte("/smtp"))
	rec.client = bytes.HasSuffix(name, []byte("/smtp")) || bytes.HasSuffix(name, []byte("/lmtp"))
	if !rec.mail || len(rec.text) < 3 {
		return rec, true
	}
	rec.said()
	return rec, true
}

// said finds a mark, and the lines with which a conversation begins and ends.
func (rec *record) said() {
	t := rec.text
	if side, peer, said := postfixMark(t); side != 0 {
		rec.mark, rec.peer, rec.text = mark{postfixMarks, side}, peer, said
		return
	}
	switch {
	case bytes.HasPrefix(t, []byte("connect from ")):
		rec.begins = true
	case bytes.HasPrefix(t, []byte("disconnect from ")):
		rec.ends = true
	}
}

// isStamp says whether a line begins with the time: "Nov 23 21:51:03 " or
// "2026-11-23T21:51:03".
func isStamp(b []byte) bool {
	if isLetter(b[0]) {
		return b[3] == ' ' && b[6] == ' ' && b[9] == ':' && b[12] == ':'
	}
	return isDigit(b[0]) && b[4] == '-' && b[7] == '-' && (b[10] == 'T' || b[10] == ' ') && b[13] == ':'
}

// stampLength is the length of the time that a line begins with, which goes no
// further than end.
func stampLength(b []byte, end int) int {
	n := 0
	if isLetter(b[0]) && isStamp(b) {
		n = len("Nov 23 21:51:03 ")
	} else if isDigit(b[0]) {
		n = len("2026-11-23T21:51:03")
		n += bytes.IndexByte(b[n:], ' ') + 1
	}
	return min(n, end)
}

var logCipher = lazily(`^(\S+) TLS connection (?:established|reused) (?:from|to) .*?: (\S+) with cipher (\S+)`)

// record reads a line of the log of the process whose conversation this is.
func (c *conversation) record(no int, rec record) verdict {
	c.no, c.tool, c.reached = no, postfix, true
	switch {
	case rec.mark.side != 0:
		c.logPeer(rec)
		if v := c.markedLine(rec.mark, rec.text, 0); v == another || !c.over || len(c.owed) > 0 {
			return v
		}
		return ended // the process begins another conversation, or none
	case rec.ends:
		if c.closed == "" && !c.over && len(c.owed) == 0 && c.greeted {
			c.closed = "server" // too many errors, or it had said 421
		}
		return ended
	case bytes.HasPrefix(rec.text, []byte("lost connection after ")):
		c.hangUp("client")
	case bytes.HasPrefix(rec.text, []byte("timeout after ")):
		c.hangUp("server")
	case bytes.Contains(rec.text, []byte(" TLS connection ")):
		if m := logCipher.FindSubmatch(rec.text); m != nil {
			c.tls.version, c.tls.cipher = tlsVersion(string(m[2])), string(m[3])
			c.tlsSeen()
		}
	}
	return taken
}

// logPeer keeps where a client's log says that it connects.
func (c *conversation) logPeer(rec record) {
	if !rec.client || c.host != "" {
		return
	}
	host, port := rec.peer, ""
	if i := bytes.LastIndex(host, []byte("]:")); i >= 0 {
		host, port = host[:i+1], string(host[i+2:])
	}
	name, address, ok := bytes.Cut(bytes.TrimSuffix(host, []byte("]")), []byte("["))
	if c.host, c.port = string(address), port; !ok {
		c.host = string(name)
	}
}
