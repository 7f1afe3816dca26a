package hint

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"

	"smtplay/engine"
	"smtplay/engine/resolver"
)

func forFault(c Context) string {
	switch c.Fault {
	case engine.Dial:
		return forDial(c)
	case engine.Timeout:
		return forTimeout(c)
	case engine.Closed, engine.Reset:
		return forClosed(c)
	case engine.Malformed:
		return forMalformed(c)
	case engine.Unasked:
		return forUnasked(c)
	case engine.Owed:
		if c.Verb == Greeting {
			return "the server speaks first: expect 220 behind the connect reads its greeting (ehlo() and other helpers do so by themselves)"
		}
		return "every command has one reply, to be read before the next is sent: put an expect behind it, as in send \"noop\"; expect 250 (pipeline{ … } sends several at once)"
	case engine.Handshake:
		return forHandshake(c)
	case engine.Unverified:
		return forUnverified(c)
	case engine.Injected:
		return "somebody spoke in clear between STARTTLS and TLS: the server, or one who stands between (CVE-2011-0411); nothing of it may be believed"
	case engine.Insecure:
		return "starttls() first, with a certificate that verifies; auth{ …, insecure = true } or --insecure sends it anyway"
	case engine.Unbound:
		return "starttls() first, with a server that has TLS 1.3 (and no max_version below it); the same mechanism without -PLUS needs nothing to bind to"
	case engine.Withheld:
		return "--auth-failures N allows more in a run, 0 any number; fail2ban, as it is installed, bans after five in ten minutes"
	case engine.NotOffered:
		return forCapability(c)
	case engine.Unknown:
		return "ehlo() first: what a server offers is asked for after the connect, and anew after STARTTLS and XCLIENT"
	}
	return ""
}

// forCapability tells of a capability that is missing, or should be.
func forCapability(c Context) string {
	keyword, _, _ := strings.Cut(c.Keyword, " ")
	switch keyword = strings.ToUpper(keyword); {
	case keyword == "AUTH" && c.Offered && !c.TLS:
		return "Postfix offers AUTH only under TLS with smtpd_tls_auth_only=yes"
	case keyword == "AUTH=" && c.Offered:
		return "Postfix offers this obsolete form with broken_sasl_auth_clients=yes"
	case c.Offered:
		return "Postfix leaves out what smtpd_discard_ehlo_keywords names"
	case keyword == "STARTTLS" && c.TLS:
		return "TLS is on already: a server does not offer STARTTLS inside it"
	case keyword == "STARTTLS":
		return "Postfix offers it with smtpd_tls_security_level=may (or encrypt) and a certificate, unless smtpd_discard_ehlo_keywords names it; or something on the way takes it out"
	case strings.HasSuffix(strings.ToUpper(c.Keyword), "-PLUS"):
		return "few servers offer to bind a login to TLS, and none in clear; the same mechanism without -PLUS needs nothing to bind to"
	case keyword == "AUTH" && !c.TLS:
		return "many servers offer AUTH only after starttls() and a new ehlo()"
	case keyword == "AUTH":
		return "the mechanisms come from the server's SASL (Postfix: smtpd_sasl_auth_enable=yes, smtpd_sasl_security_options; Cyrus: mech_list)"
	case keyword == "XCLIENT":
		return "Postfix offers it to the hosts in smtpd_authorized_xclient_hosts"
	}
	return "smtplay shows above what ehlo was told; Postfix leaves out what smtpd_discard_ehlo_keywords names"
}

func forDial(c Context) string {
	var dns *net.DNSError
	var none *resolver.NotFoundError
	var null *resolver.NullMXError
	var unasked *resolver.Error
	var wait net.Error
	switch {
	case errors.As(c.Err, &null):
		return "a null MX is how a domain says that it takes no mail; a host of it is still reached by its own name: connect \"host:25\""
	case errors.As(c.Err, &dns), errors.As(c.Err, &none), errors.As(c.Err, &unasked):
		return "the name is not in DNS, or DNS does not answer; an address works, too: --server 192.0.2.1 --tls-name NAME"
	case errors.Is(c.Err, syscall.ECONNREFUSED):
		return "nothing listens there: does the server run, on this port and this interface (Postfix: inet_interfaces, master.cf)"
	case errors.Is(c.Err, os.ErrDeadlineExceeded), errors.Is(c.Err, context.DeadlineExceeded), errors.As(c.Err, &wait) && wait.Timeout():
		if port(c) == "25" {
			return "no answer at all: a firewall, or a provider that blocks outgoing port 25, as most do for homes and clouds"
		}
		return "no answer at all: a firewall, or an address where no machine is"
	case errors.Is(c.Err, syscall.EHOSTUNREACH), errors.Is(c.Err, syscall.ENETUNREACH):
		return "no route leads there from this machine; for an IPv6 address: does this network have IPv6"
	case errors.Is(c.Err, os.ErrPermission) && engine.IsCommand(c.Address):
		return "this user may not run that file"
	case errors.Is(c.Err, os.ErrPermission):
		return "this user may not open that socket"
	}
	return ""
}

func forTimeout(c Context) string {
	switch {
	case c.Previous != nil && c.Previous.Code == 354 && c.Verb != ".":
		return "the server still waits for the end of the message: a line with nothing but a dot"
	case c.Verb == "" && c.Previous != nil:
		return "no command was waiting for a reply here: one expect reads a whole reply, all of its lines"
	case c.Verb == Greeting && port(c) == "465" && !c.TLS:
		return tlsFirst
	case c.Verb == Greeting:
		return "connected, but no greeting: all processes of the server busy, its DNS lookups slow, or a port that speaks TLS from the first byte"
	case c.Verb == ".":
		return "filters may take their time after the dot: within = \"15m\" for this reply, or --timeout"
	case c.Verb == "AUTH":
		return "servers delay failed logins, some by many seconds: within = \"1m\" for this reply, or --timeout"
	}
	return "within = \"2m\" waits longer for one reply, --timeout for all; after ten errors in a session Postfix delays every reply"
}

const tlsFirst = "port 465 speaks TLS from the first byte: connect \"submissions\", or connect(…, { tls = true })"

func forClosed(c Context) string {
	switch {
	case strings.Contains(c.Text, "a certificate of the client"):
		return wantsCertificate
	case engine.IsCommand(c.Address):
		return "the connection is a command, and it ended: the transcript has its exit status, where it failed, and its standard error"
	case c.Verb == Greeting && port(c) == "465" && !c.TLS:
		return tlsFirst
	case c.Verb == Greeting && len(c.Got) == 0:
		return "closed before a greeting: a firewall or access rule, too many connections, or a server that failed to start its process; its log says which"
	case c.Previous != nil && c.Previous.Code == 421:
		return "the server had said 421: it closes"
	}
	return "the server's log says why it closed: too many errors or connections, a time limit, or a process that died"
}

func forMalformed(c Context) string {
	for _, known := range []struct{ start, say string }{
		{"\x15\x03", "this is a TLS alert: the port speaks TLS from the first byte; connect(…, { tls = true }), or target \"submissions\""},
		{"\x16\x03", "this is TLS: the port speaks it from the first byte; connect(…, { tls = true }), or target \"submissions\""},
		{"HTTP/", "this is a web server, not SMTP: is the port right"},
		{"SSH-", "this is an SSH server, not SMTP: is the port right"},
		{"* OK", "this is an IMAP server, not SMTP: is the port right"},
		{"+OK", "this is a POP3 server, not SMTP: is the port right"},
	} {
		if bytes.HasPrefix(c.Got, []byte(known.start)) {
			return known.say
		}
	}
	return ""
}

func forUnasked(c Context) string {
	if bytes.HasPrefix(c.Got, []byte("421")) {
		return "the server had closed already: it waited too long, or is shutting down"
	}
	return "a reply too many: two answers to one command, or message text that was taken for commands"
}

const wantsCertificate = "the server wants a certificate of the client, from an issuer that it trusts: cert = and key = of connect and starttls give it one"

func forHandshake(c Context) string {
	text := strings.ToLower(c.Text)
	switch {
	case len(c.Got) > 0:
		return "this port begins in clear text: connect without TLS, then starttls(), as on 25 and 587; TLS from the first byte is for 465"
	case strings.Contains(text, "protocol version"):
		return "server and smtplay share no TLS version: min_version and max_version say what is tried, smtpd_tls_protocols what Postfix allows"
	case strings.Contains(text, "which was not offered"):
		return "the server is older than the TLS that was asked for: min_version says from which on it is tried"
	case strings.Contains(text, "unrecognized name"):
		return "the server has no certificate for the name that was asked for (SNI): name = asks for another"
	case strings.Contains(text, "handshake failure"), strings.Contains(text, "insufficient security"):
		return "server and smtplay share no cipher, or the server has no certificate that fits; its log says more"
	case strings.Contains(text, "certificate required"), strings.Contains(text, "bad certificate"):
		return wantsCertificate
	case strings.Contains(text, "unknown certificate authority"), strings.Contains(text, "unsupported certificate"), strings.Contains(text, "expired certificate"), strings.Contains(text, "revoked certificate"), strings.Contains(text, "unknown certificate"):
		return "the server does not take the certificate of the client: its issuer, its dates or its use (for clients) are not to its liking (Postfix: smtpd_tls_CAfile)"
	}
	return "the server's log says more (Postfix: smtpd_tls_loglevel=1)"
}

func forUnverified(c Context) string {
	text := strings.ToLower(c.Text)
	var hints []string
	if strings.Contains(text, "not for") {
		if address := host(c); net.ParseIP(address) != nil && strings.Contains(text, "not for "+address) {
			hints = append(hints, "the server was named by its address: --tls-name NAME says which name its certificate must have")
		} else {
			hints = append(hints, "--tls-name NAME checks for another name; name = \"…\" does so for one connection")
		}
	}
	if strings.Contains(text, "self-signed") || strings.Contains(text, "no trusted ca") {
		hints = append(hints, "--ca FILE trusts the certificate (or CA) in that file; --insecure goes on without knowing who answers")
	}
	if strings.Contains(text, "was not sent") {
		hints = append(hints, "where that issuer is an intermediate CA, the server's file lacks it: it holds the certificate, then each CA above but the root (Postfix: smtpd_tls_chain_files)")
	}
	if strings.Contains(text, "expired") || strings.Contains(text, "not valid") {
		hints = append(hints, "is a renewed certificate there that the server has not loaded (postfix reload); and is the clock of this machine right")
	}
	if hints == nil {
		return "verify = false finishes the handshake and keeps what is wrong as data, for expect_certificate"
	}
	return strings.Join(hints, "; ")
}

func host(c Context) string {
	h, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		return c.Address
	}
	return h
}

func port(c Context) string {
	_, p, err := net.SplitHostPort(c.Address)
	if err != nil {
		return ""
	}
	return p
}
