package resolver

import (
	"errors"
	"fmt"
	"net"
)

// Error is a question that got no answer that says anything of the name. It wraps
// no cause: that a resolver refuses a connection is no fault of the mail server's,
// and must not be taken for one.
type Error struct {
	Resolver string
	Question string // as "_25._tcp.mail.example.com TLSA"
	ServFail bool   // the resolver answered that it got no answer which it believes
	Msg      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("the resolver %s was asked for %s: %s", e.Resolver, e.Question, e.Msg)
}

// NotFoundError says that the DNS has nothing of that kind under a name.
type NotFoundError struct {
	Name, What string
	Missing    bool // the name itself does not exist
}

func (e *NotFoundError) Error() string {
	if e.Missing {
		return fmt.Sprintf("the DNS has no %s", e.Name)
	}
	return fmt.Sprintf("the DNS has no %s for %s", e.What, e.Name)
}

// NullMXError says that a domain takes no mail at all (RFC 7505).
type NullMXError struct{ Domain string }

func (e *NullMXError) Error() string {
	return fmt.Sprintf("%s takes no mail: its MX is \".\", a null MX (RFC 7505)", e.Domain)
}

// plain is an error of package net's in the words of this one.
func plain(err error, name, what string) error {
	var e *net.DNSError
	if errors.As(err, &e) && e.IsNotFound {
		return &NotFoundError{Name: name, What: what}
	}
	return err
}
