package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Bounds of what one question may cost, whatever the resolver does.
const (
	Timeout    = 10 * time.Second // for all of it, with its aliases
	tryTimeout = 3 * time.Second  // for a datagram, which may be lost
	tries      = 2                // of one
	maxAliases = 16
	maxHosts   = 64 // of a domain, or addresses of a host
)

// payload is what a UDP answer may take, in bytes, so that it comes in one piece
// (the DNS flag day of 2020); what is longer comes by TCP.
const payload = 1232

// answer is what a resolver said.
type answer struct {
	records       []dns.RR // of the type asked for, at the name or where its aliases lead; empty for none
	missing       bool     // that name does not exist, so there are none
	authenticated bool     // the resolver verified all of it by DNSSEC (RFC 4035 3.2.3)
}

// ask asks for the records of a type at a name, through its aliases. That there
// are none is no error. It takes no longer than [Timeout].
func (r *Resolver) ask(ctx context.Context, name string, kind uint16) (*answer, error) {
	if _, ok := dns.IsDomainName(name); !ok || name == "" {
		return nil, fmt.Errorf("%q is no name that the DNS can be asked for", name)
	}
	limited, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	said := &answer{authenticated: true}
	asked := dns.Question{Name: dns.CanonicalName(name), Qtype: kind, Qclass: dns.ClassINET}
	for aliases := 0; aliases <= maxAliases; {
		reply, err := r.exchange(limited, asked)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, err
		}
		said.authenticated = said.authenticated && reply.AuthenticatedData
		if reply.Rcode == dns.RcodeNameError {
			said.missing = true // the name that the aliases lead to (RFC 6604 3)
			return said, nil
		}
		found, at, passed := follow(reply.Answer, asked)
		if len(found) > 0 || passed == 0 {
			said.records = found
			return said, nil
		}
		asked.Name = at // an alias that the resolver did not follow, or one to a name that has none
		aliases += passed
	}
	return nil, r.fault(dns.Question{Name: dns.CanonicalName(name), Qtype: kind}, "it leads through more than %d aliases", maxAliases)
}

const unreadable = "it sent a record that cannot be read"

// fault is an error about one question.
func (r *Resolver) fault(asked dns.Question, format string, args ...any) *Error {
	return &Error{
		Resolver: r.Server,
		Question: strings.TrimSuffix(asked.Name, ".") + " " + dns.TypeToString[asked.Qtype],
		Msg:      fmt.Sprintf(format, args...),
	}
}

// exchange asks one question, and takes no reply but an answer to it.
func (r *Resolver) exchange(ctx context.Context, asked dns.Question) (*dns.Msg, error) {
	query := new(dns.Msg)
	query.SetQuestion(asked.Name, asked.Qtype)
	query.AuthenticatedData = true // asks to be told (RFC 6840 5.7)
	// Signatures make an answer long: they are asked for where it depends on them
	// that the resolver looks.
	query.SetEdns0(payload, asked.Qtype == dns.TypeTLSA)
	reply, err := r.send(ctx, query)
	var unreachable *net.OpError
	switch {
	case err != nil && isTimeout(err):
		return nil, r.fault(asked, "no answer came in time")
	case errors.As(err, &unreachable):
		return nil, r.fault(asked, "it cannot be reached: %v", unreachable.Err)
	case err != nil:
		return nil, r.fault(asked, "what it sent cannot be read: %v", err)
	}
	if err := answers(asked, reply); err != nil {
		return nil, r.fault(asked, "%v", err)
	}
	switch reply.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
		return reply, nil
	case dns.RcodeServerFailure:
		e := r.fault(asked, "it answered SERVFAIL: the signatures of the zone are bogus, or its name servers do not answer%s", reasons(reply))
		e.ServFail = true
		return nil, e
	}
	return nil, r.fault(asked, "it answered %s%s", rcode(reply.Rcode), reasons(reply))
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

// send asks by UDP, again where nothing came, and by TCP where the answer did not
// fit; by a way that was given by TCP alone.
func (r *Resolver) send(ctx context.Context, query *dns.Msg) (reply *dns.Msg, err error) {
	if r.Dial != nil {
		return r.try(ctx, "tcp", query)
	}
	for range tries {
		limited, cancel := context.WithTimeout(ctx, tryTimeout)
		reply, err = r.try(limited, "udp", query)
		cancel()
		if err == nil || !isTimeout(err) || ctx.Err() != nil {
			break
		}
	}
	if reply != nil && reply.Truncated && (err == nil || errors.Is(err, dns.ErrBuf)) {
		return r.try(ctx, "tcp", query)
	}
	return reply, err
}

// try asks over one connection, which the end of ctx closes: the library watches
// its own deadline only.
func (r *Resolver) try(ctx context.Context, network string, query *dns.Msg) (*dns.Msg, error) {
	dial := r.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	nc, err := dial(ctx, network, r.Server)
	var known *net.OpError
	switch {
	case ctx.Err() != nil:
		if err == nil {
			nc.Close()
		}
		return nil, context.Cause(ctx)
	case err != nil && !errors.As(err, &known):
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	case err != nil:
		return nil, err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	client := &dns.Client{Net: network, Timeout: Timeout}
	reply, _, err := client.ExchangeWithConn(query, &dns.Conn{Conn: nc})
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return reply, err
}

// answers says why a message is no answer to the question.
func answers(asked dns.Question, reply *dns.Msg) error {
	switch {
	case !reply.Response || reply.Opcode != dns.OpcodeQuery:
		return errors.New("what came is no answer")
	case reply.Truncated:
		return errors.New("what came by TCP is cut off")
	case len(reply.Question) != 1 || dns.CanonicalName(reply.Question[0].Name) != asked.Name || reply.Question[0].Qtype != asked.Qtype || reply.Question[0].Qclass != asked.Qclass:
		return errors.New("what came answers another question")
	}
	return nil
}

// follow picks out what was asked for, at its name or where aliases lead from it,
// and says where they lead, and how many were passed: [maxAliases] and one at most.
func follow(answer []dns.RR, asked dns.Question) (found []dns.RR, at string, passed int) {
	for at = asked.Name; ; passed++ {
		next := ""
		for _, rr := range answer {
			h := rr.Header()
			if dns.CanonicalName(h.Name) != at || h.Class != asked.Qclass {
				continue
			}
			if alias, ok := rr.(*dns.CNAME); ok {
				next = dns.CanonicalName(alias.Target)
			}
			if h.Rrtype == asked.Qtype {
				found = append(found, rr)
			}
		}
		if len(found) > 0 || next == "" || passed > maxAliases {
			return found, at, passed
		}
		at = next
	}
}

func isTimeout(err error) bool {
	var wait net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &wait) && wait.Timeout()
}
