// Package resolver asks a DNS resolver that is given, and no other, for what mail
// servers ask for. It is a room of its own so that a conversation knows no DNS.
package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// What an answer may cost: a try, and all of them together.
const (
	tryTimeout = 3 * time.Second
	Timeout    = 10 * time.Second
	tries      = 2
)

// payload is what a UDP answer may take, in bytes, so that it comes in one piece
// (the DNS flag day of 2020); what is longer comes by TCP.
const payload = 1232

// maxAliases is how many aliases are followed.
const maxAliases = 16

// Resolver is where questions are asked.
type Resolver struct{ addr netip.AddrPort }

// Parse reads the address of a resolver in figures, with or without a port. A
// name is none: somebody else would have to be asked for it.
func Parse(s string) (Resolver, error) {
	if at, err := netip.ParseAddrPort(s); err == nil && at.Port() != 0 {
		return Resolver{at}, nil
	}
	if ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		return Resolver{netip.AddrPortFrom(ip, 53)}, nil
	}
	return Resolver{}, fmt.Errorf("%q is no resolver: write its address in figures, as \"127.0.0.1:53\" or \"[::1]:53\"", s)
}

// String is the address and port.
func (r Resolver) String() string { return r.addr.String() }

// Local says that the way to the resolver does not leave this machine. The word
// of another that an answer is authentic is worth what the way to it is.
func (r Resolver) Local() bool { return r.addr.Addr().Unmap().IsLoopback() }

// answer is what a resolver said.
type answer struct {
	records       []dns.RR // of the type asked for, at the name or where its aliases lead; empty for none
	authenticated bool     // the resolver verified all of it by DNSSEC (RFC 4035 3.2.3)
}

// Error is a question that got no answer that says anything of the name.
type Error struct {
	Resolver string
	Question string // as "_25._tcp.mail.example.com TLSA"
	ServFail bool   // the resolver answered that it got no answer which it believes
	Msg      string
	Err      error // the cause, nil where Msg says it all
}

func (e *Error) Error() string {
	text := fmt.Sprintf("the resolver %s was asked for %s: %s", e.Resolver, e.Question, e.Msg)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// hostName is what a name of a host is made of, and of a service on it.
var hostName = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?$`)

// CheckName says why nobody can be asked for a name.
func CheckName(name string) error {
	if _, err := netip.ParseAddr(name); err == nil {
		return fmt.Errorf("%s is an address, and no name", name)
	}
	if len(name) > 240 || !hostName.MatchString(name) {
		return fmt.Errorf("%q is no name of a host (international ones are written as xn--…)", name)
	}
	return nil
}

// ask asks for the records of a type at a name. That there are none is no error.
// It takes no longer than [Timeout].
func (r Resolver) ask(ctx context.Context, name string, kind uint16) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	question := strings.TrimSuffix(name, ".") + " " + dns.TypeToString[kind]
	fault := func(msg string, err error) *Error {
		return &Error{Resolver: r.String(), Question: question, Msg: msg, Err: err}
	}
	query := new(dns.Msg)
	query.SetQuestion(dns.Fqdn(name), kind)
	query.AuthenticatedData = true // asks to be told (RFC 6840 5.7)
	query.SetEdns0(payload, true)
	reply, err := r.exchange(ctx, query)
	var unreachable *net.OpError
	switch {
	case err != nil && isTimeout(err):
		return nil, fault("no answer came in time", nil)
	case errors.As(err, &unreachable):
		return nil, fault("it cannot be reached", unreachable.Err)
	case err != nil:
		return nil, fault("what it sent cannot be read", err)
	}
	if err := answers(query, reply); err != nil {
		return nil, fault(err.Error(), nil)
	}
	switch reply.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
	case dns.RcodeServerFailure:
		e := fault("it answered SERVFAIL: the signatures of the zone are bogus, or its name servers do not answer"+reasons(reply), nil)
		e.ServFail = true
		return nil, e
	default:
		return nil, fault("it answered "+rcode(reply.Rcode)+reasons(reply), nil)
	}
	said := &answer{authenticated: reply.AuthenticatedData}
	if reply.Rcode == dns.RcodeSuccess {
		said.records = follow(reply.Answer, query.Question[0])
	}
	return said, nil
}

func rcode(code int) string {
	if name := dns.RcodeToString[code]; name != "" {
		return name
	}
	return fmt.Sprintf("with the code %d", code)
}

// reasons are what a resolver says of its failure in codes (RFC 8914).
func reasons(reply *dns.Msg) string {
	text := ""
	if opt := reply.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok && dns.ExtendedErrorCodeToString[e.InfoCode] != "" {
				text += " (" + dns.ExtendedErrorCodeToString[e.InfoCode] + ")"
			}
		}
	}
	return text
}

// exchange asks by UDP, again where nothing came, and by TCP where the answer
// did not fit.
func (r Resolver) exchange(ctx context.Context, query *dns.Msg) (reply *dns.Msg, err error) {
	for range tries {
		if reply, err = r.try(ctx, "udp", query); err == nil || !isTimeout(err) || ctx.Err() != nil {
			break
		}
	}
	if reply != nil && reply.Truncated && (err == nil || errors.Is(err, dns.ErrBuf)) {
		return r.try(ctx, "tcp", query)
	}
	return reply, err
}

func (r Resolver) try(ctx context.Context, network string, query *dns.Msg) (*dns.Msg, error) {
	client := &dns.Client{Net: network, Timeout: tryTimeout}
	conn, err := client.DialContext(ctx, r.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	reply, _, err := client.ExchangeWithConnContext(ctx, query, conn)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return reply, err
}

// answers says why a message is no answer to the question.
func answers(query, reply *dns.Msg) error {
	asked := query.Question[0]
	switch {
	case !reply.Response || reply.Opcode != dns.OpcodeQuery:
		return errors.New("what came is no answer")
	case reply.Truncated:
		return errors.New("what came by TCP is cut off")
	case len(reply.Question) != 1 || !strings.EqualFold(reply.Question[0].Name, asked.Name) || reply.Question[0].Qtype != asked.Qtype || reply.Question[0].Qclass != asked.Qclass:
		return errors.New("what came answers another question")
	}
	return nil
}

// follow picks out what was asked for, at its name or where aliases lead from it.
func follow(answer []dns.RR, asked dns.Question) []dns.RR {
	name := asked.Name
	for range maxAliases {
		next := ""
		var found []dns.RR
		for _, rr := range answer {
			h := rr.Header()
			if !strings.EqualFold(h.Name, name) || h.Class != asked.Qclass {
				continue
			}
			if alias, ok := rr.(*dns.CNAME); ok {
				next = alias.Target
			}
			if h.Rrtype == asked.Qtype {
				found = append(found, rr)
			}
		}
		if len(found) > 0 || next == "" {
			return found
		}
		name = next
	}
	return nil
}

func isTimeout(err error) bool {
	var wait net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &wait) && wait.Timeout()
}
