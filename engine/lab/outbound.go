package lab

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"smtplay/engine/lab/daemon"
)

// An Outbound is a way out of the server, as far as a listener of the test's: mail for one domain is sent to
// that listener by Postfix's own client, smtp(8). Listen first and give the address then, to Start or
// Reconfigure; a port for who has to listen later is had from daemon.ReservePort.
//
// It is the one part of the server that sends mail to anybody, and whatever its settings and main.cf say it sends it
// to 127.0.0.0/8 alone: its sockets are bound to 127.0.0.1, from which the kernel connects to no other
// network, and it sees neither the system's resolver nor its hosts file. Only a table of a kind that asks
// others (tcp:, ldap:), named in a setting, would be asked all the same.
type Outbound struct {
	// Domain is whose mail is sent so: one that is not hosted, or one that is, whose mailboxes are then
	// beyond Address. Subdomains are others. It names the client, as the service "out-DOMAIN".
	Domain string
	// Address is where its mail goes, "127.0.0.1:PORT".
	Address string
	// Protocol is what is spoken there; the zero value is SMTP.
	Protocol Protocol
	// User and Password are what the client logs in with. Without a User it does not.
	User, Password string
	// Settings are "name=value" of this client alone, and the names those of smtp(8), or with LMTP of
	// lmtp(8): "smtp_tls_security_level=verify", "smtp_tls_CAfile=…". The name to verify is 127.0.0.1's unless
	// smtp_tls_verify_cert_match says another. Without them TLS is used where it is offered and logged
	// (loglevel 1), and no connection is used twice.
	Settings []string
}

// Protocol is what an Outbound speaks.
type Protocol uint8

// The protocols.
const (
	SMTP Protocol = iota
	LMTP          // RFC 2033: a reply for each recipient
)

// String is the protocol's name, and in lower case that of Postfix's client for it.
func (p Protocol) String() string { return [...]string{"SMTP", "LMTP"}[p] }

var domainName = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`)

// service is the client's name in master.cf.
func (b *Outbound) service() string { return "out-" + b.Domain }

// client is the client's program, with which the names of its settings begin.
func (b *Outbound) client() string { return strings.ToLower(b.Protocol.String()) }

// nextHop is the address as Postfix writes one that needs no look-up.
func (b *Outbound) nextHop() string {
	host, port, _ := strings.Cut(b.Address, ":")
	return "[" + host + "]:" + port
}

// check finds what is no way to a listener on loopback.
func (b *Outbound) check() error {
	if !domainName.MatchString(b.Domain) {
		return fmt.Errorf("lab: Outbound: %q is no domain", b.Domain)
	}
	at, err := netip.ParseAddrPort(b.Address)
	if err != nil || !at.Addr().Is4() || !at.Addr().IsLoopback() || at.Port() == 0 {
		return fmt.Errorf("lab: Outbound %s: %q is no 127.0.0.1:PORT, and mail is sent nowhere else", b.Domain, b.Address)
	}
	if b.Protocol > LMTP {
		return fmt.Errorf("lab: Outbound %s: there is no protocol %d", b.Domain, b.Protocol)
	}
	if login := b.User + b.Password; strings.ContainsAny(login, " \t\r\n\x00") || strings.Contains(b.User, ":") {
		return fmt.Errorf("lab: Outbound %s: a login with blanks, or a user with a colon", b.Domain)
	}
	for _, setting := range b.Settings {
		name, value, found := strings.Cut(setting, "=")
		name = strings.TrimSpace(name)
		if !found || !strings.HasPrefix(name, b.client()+"_") {
			return fmt.Errorf("lab: Outbound %s: %q is not %s_…=value", b.Domain, setting, b.client())
		}
		if err := checkSetting(name, value); err != nil {
			return fmt.Errorf("lab: Outbound %s: %w", b.Domain, err)
		}
		if !balanced(value) {
			return fmt.Errorf("lab: Outbound %s: the braces of %q do not match", b.Domain, setting)
		}
	}
	return nil
}

// balanced reports whether a value stays inside of the braces of master.cf.
func balanced(value string) bool {
	depth := 0
	for _, c := range value {
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth < 0 {
			return false
		}
	}
	return depth == 0
}

// checkOutbound checks all of them.
func (o *Options) checkOutbound() error {
	seen := map[string]bool{}
	for _, b := range o.Outbound {
		if err := b.check(); err != nil {
			return err
		}
		domain := strings.ToLower(b.Domain)
		if seen[domain] {
			return fmt.Errorf("lab: Outbound: %s has two ways", domain)
		}
		seen[domain] = true
	}
	return nil
}

// master is the client's entry in master.cf. What keeps it here comes last, where it wins: it is chrooted to the
// queue, so that the resolver of [Postfix.writeOutbound] is all it knows to ask; the addresses it tries are of
// IPv4; and it does not try without being bound.
func (p *Postfix) master(b *Outbound) string {
	settings := []string{"tls_loglevel=1", "tls_security_level=may", "connection_cache_on_demand=no"}
	if b.User != "" {
		settings = append(settings, "sasl_auth_enable=yes", "sasl_security_options=noanonymous",
			"sasl_password_maps=texthash:"+p.passwords(b))
	}
	for i, setting := range settings {
		settings[i] = b.client() + "_" + setting
	}
	settings = append(settings, b.Settings...)
	for _, guard := range []string{"bind_address=127.0.0.1", "bind_address_enforce=yes", "dns_support_level=disabled", "fallback_relay="} {
		settings = append(settings, b.client()+"_"+guard)
	}
	settings = append(settings, "disable_dns_lookups=yes", "inet_protocols=ipv4")
	var text strings.Builder
	fmt.Fprintf(&text, "%s unix - - y - - %s\n", b.service(), b.client())
	writeSettings(&text, settings)
	return text.String()
}

// writeSettings writes -o options of the entry of master.cf that was written before.
func writeSettings(text *strings.Builder, settings []string) {
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		fmt.Fprintf(text, "  -o { %s = %s }\n", strings.TrimSpace(name), strings.TrimSpace(value))
	}
}

// passwords is the file with the client's login.
func (p *Postfix) passwords(b *Outbound) string { return p.path("etc", b.service()+".login") }

// transports is the table of the ways.
func (o *Options) transports() string {
	var text strings.Builder
	for _, b := range o.Outbound {
		fmt.Fprintf(&text, "%s %s:%s\n", strings.ToLower(b.Domain), b.service(), b.nextHop())
	}
	return text.String()
}

// writeOutbound writes what the clients read beside main.cf and master.cf: the table, the logins, and below the
// queue what they find for whom that is the world.
func (p *Postfix) writeOutbound(o *Options) error {
	if err := writeOld(p.path("etc", "transport"), o.transports()); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if len(o.Outbound) == 0 {
		return nil
	}
	if err := os.MkdirAll(p.path("queue", "etc"), 0o755); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if err := daemon.WriteFile(p.path("queue", "etc", "resolv.conf"), []byte(daemon.Nowhere), 0o644); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	for _, b := range o.Outbound {
		if b.User == "" {
			continue
		}
		login := fmt.Sprintf("%s %s:%s\n", b.nextHop(), b.User, b.Password)
		// The client reads it before it gives up being root.
		if err := daemon.WriteFile(p.passwords(&b), []byte(login), 0o600); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	return nil
}

// Flush has Postfix try at once what it keeps for later: the messages of these queue IDs, or all.
func (p *Postfix) Flush(ctx context.Context, ids ...string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return ErrStopped
	}
	calls := [][]string{{"-f"}}
	if len(ids) > 0 {
		calls = nil
		for _, id := range ids {
			calls = append(calls, []string{"-i", id})
		}
	}
	for _, args := range calls {
		flush := exec.CommandContext(ctx, programPath("postqueue"), append([]string{"-c", p.path("etc")}, args...)...)
		flush.Env = environment()
		if out, err := flush.CombinedOutput(); err != nil {
			return fmt.Errorf("lab: postqueue %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}
