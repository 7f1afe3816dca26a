package resolver

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/miekg/dns"
)

// LookupTXT are the texts of the TXT records at a name, each with its strings put together as they are
// (RFC 7208 3.3, RFC 6376 3.6.2.2), and the octets as they came. That there are none is a *NotFoundError.
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if !r.Given() {
		// The final dot keeps the system's search list away.
		found, err := net.DefaultResolver.LookupTXT(ctx, strings.TrimSuffix(name, ".")+".")
		if err != nil {
			return nil, plain(err, name, "TXT")
		}
		return found, nil
	}
	said, err := r.ask(ctx, name, dns.TypeTXT)
	switch {
	case err != nil:
		return nil, err
	case len(said.records) == 0:
		return nil, &NotFoundError{Name: name, What: "TXT", Missing: said.missing}
	}
	var all []string
	for _, rr := range said.records {
		text, err := octets(rr.(*dns.TXT).Txt) // of the type that was asked for
		if err != nil {
			return nil, r.fault(dns.Question{Name: name, Qtype: dns.TypeTXT}, unreadable)
		}
		all = append(all, text)
	}
	return all, nil
}

var errEscape = errors.New("an escape that is none")

// octets undoes the escapes of zone files (RFC 1035 5.1), in which the library has the strings of a record.
func octets(parts []string) (string, error) {
	var text strings.Builder
	for _, s := range parts {
		for i := 0; i < len(s); i++ {
			switch {
			case s[i] != '\\':
				text.WriteByte(s[i])
			case i+1 == len(s):
				return "", errEscape
			case s[i+1] < '0' || s[i+1] > '9':
				i++
				text.WriteByte(s[i])
			default:
				value := 0
				for n := range 3 {
					if i+1+n >= len(s) || s[i+1+n] < '0' || s[i+1+n] > '9' {
						return "", errEscape
					}
					value = 10*value + int(s[i+1+n]-'0')
				}
				if value > 0xff {
					return "", errEscape
				}
				text.WriteByte(byte(value))
				i += 3
			}
		}
	}
	return text.String(), nil
}
