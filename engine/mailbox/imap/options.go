package imap

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"smtplay/engine"
)

// Options say which folder, and how it is reached. Server and User must be set.
type Options struct {
	Server   string            // host:port, or host for port 993
	TLS      bool              // TLS from the first byte, as on port 993 always; elsewhere STARTTLS is demanded
	StartTLS bool              // STARTTLS is demanded of a server on this machine too, and whatever Insecure says
	Security engine.TLSOptions // how TLS is done and judged
	User     string
	Password string
	Mailbox  string        // the folder; "" for INBOX
	Insecure bool          // the password may go over unverified and clear connections
	Timeout  time.Duration // for the connect and for every answer; 0 for engine.DefaultTimeout

	far bool // a test's: this machine counts as another
}

// tlsPort is that of TLS from the first byte (RFC 8314 7.3).
const tlsPort = "993"

// complete fills in the defaults.
func (o Options) complete() (Options, error) {
	host, port, err := net.SplitHostPort(o.Server)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(o.Server, "["), "]"), tlsPort
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return o, fmt.Errorf("%q is no server: write host:port, or host for port %s", o.Server, tlsPort)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
		return o, fmt.Errorf("%q is no server: write host:port, or host for port %s", o.Server, tlsPort)
	}
	if o.User == "" {
		return o, errors.New("there is no user to log in as")
	}
	if o.Security.MaxVersion != 0 && o.Security.MinVersion > o.Security.MaxVersion {
		return o, errors.New("no TLS version is at least the lowest and at most the highest that are given")
	}
	if strings.ContainsRune(o.User+o.Password+o.Mailbox, 0) {
		return o, errors.New("no user, password or folder has a NUL in it")
	}
	o.Server = net.JoinHostPort(host, port)
	o.TLS = o.TLS || port == tlsPort
	if o.Mailbox == "" {
		o.Mailbox = "INBOX"
	}
	if o.Timeout <= 0 {
		o.Timeout = engine.DefaultTimeout
	}
	if o.Security.Name == "" {
		o.Security.Name = host
	}
	return o, nil
}
