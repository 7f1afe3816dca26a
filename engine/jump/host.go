package jump

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Limits of what an SSH server may cost.
const (
	patience  = 30 * time.Second      // for the connection and its handshake
	afterglow = 50 * time.Millisecond // for the end of SSH to show after that of a channel
)

// Host is an SSH server that connections go through. Its fields may not change
// once it is used; its methods may be called from several goroutines. The SSH
// connection is made by the first dial, shared by all, and made anew by the
// next dial where it has ended.
type Host struct {
	Address string // "host:port"
	User    string
	Keys    []ssh.AuthMethod    // as [Keys] gives them
	Known   ssh.HostKeyCallback // as [KnownHosts] gives it; nil refuses every host
	Types   []string            // host key algorithms to ask for; nil for all
	Skipped []string            // keys that could not be used, and why, for the error of a refused login

	mu      sync.Mutex
	session *session
}

// session is one SSH connection.
type session struct {
	client *ssh.Client
	done   chan struct{} // closed when it has ended
	err    error         // why
}

// String is the host as a URL.
func (h *Host) String() string {
	return "ssh://" + h.User + "@" + strings.TrimSuffix(h.Address, ":22")
}

// DialContext opens a connection from the SSH host to address: "tcp" to
// "host:port", whose name is looked up there, or "unix" to a socket's path there.
// All that keeps it from being made is an error; ctx bounds the dial alone.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	s, err := h.connected(ctx)
	if err != nil {
		return nil, err
	}
	channel, err := s.client.DialContext(ctx, network, address)
	var refused *ssh.OpenChannelError
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s did not connect to %s in time: %w", h, address, context.Cause(ctx))
	case errors.As(err, &refused):
		return nil, h.refusesChannel(refused, network, address)
	case err != nil:
		return nil, h.ended(s, err)
	}
	return newConn(channel, h, s, network, address), nil
}

// refusesChannel says why the host, with which all is well, makes no connection.
func (h *Host) refusesChannel(refused *ssh.OpenChannelError, network, address string) error {
	why := fmt.Sprintf("%s (%v)", strings.TrimSpace(strings.ToValidUTF8(refused.Message, "?")), refused.Reason)
	switch {
	case network == "unix": // OpenSSH has one answer for all of these
		return fmt.Errorf("%s could not connect to %s: %s: there is no such socket, or %s may not open it, or AllowStreamLocalForwarding is off there", h, address, why, h.User)
	case refused.Reason == ssh.Prohibited:
		return fmt.Errorf("%s does not allow connections to %s: %s: AllowTcpForwarding or PermitOpen forbids it there, or the key's line in authorized_keys", h, address, why)
	}
	return fmt.Errorf("%s could not connect to %s: %s", h, address, why)
}

// Close ends the SSH connection and with it all that goes through it.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.session == nil {
		return nil
	}
	return h.session.client.Close()
}

// connected is the SSH connection, made where there is none.
func (h *Host) connected(ctx context.Context) (*session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.session != nil {
		select {
		case <-h.session.done:
		default:
			return h.session, nil
		}
	}
	s, err := h.connect(ctx)
	if err != nil {
		return nil, err
	}
	h.session = s
	return s, nil
}

func (h *Host) connect(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", h.Address)
	if err != nil {
		return nil, fmt.Errorf("no SSH connection to %s: %v", h, cause(err)) // not wrapped: it is no fault of the server behind
	}
	if deadline, ok := ctx.Deadline(); ok {
		nc.SetDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	known := h.Known
	if known == nil {
		known = func(string, net.Addr, ssh.PublicKey) error { return errors.New("no host key is known") }
	}
	var badKey error
	conn, channels, requests, err := ssh.NewClientConn(nc, h.Address, &ssh.ClientConfig{
		User: h.User, Auth: h.Keys, HostKeyAlgorithms: h.Types, ClientVersion: "SSH-2.0-smtplay",
		HostKeyCallback: func(name string, remote net.Addr, key ssh.PublicKey) error {
			badKey = known(name, remote, key)
			return badKey
		},
	})
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		nc.Close()
		return nil, h.refusal(ctx, err, badKey)
	}
	nc.SetDeadline(time.Time{})
	s := &session{client: ssh.NewClient(conn, channels, requests), done: make(chan struct{})}
	go func() {
		s.err = s.client.Wait()
		close(s.done)
	}()
	return s, nil
}

// refusal says why there is no SSH connection.
func (h *Host) refusal(ctx context.Context, err, badKey error) error {
	switch {
	case badKey != nil:
		return fmt.Errorf("no SSH connection to %s: %v", h, badKey)
	case ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no SSH connection to %s: it did not finish the SSH handshake in time", h)
	case strings.Contains(err.Error(), "unable to authenticate"):
		msg := fmt.Sprintf("%s does not let %s in with any key of the agent, of ~/.ssh or of --via-key", h, h.User)
		if len(h.Skipped) > 0 {
			msg += " (not tried: " + strings.Join(h.Skipped, ", ") + ")"
		}
		return errors.New(msg)
	case strings.Contains(err.Error(), "Too many authentication failures"): // OpenSSH's words; its limit is MaxAuthTries
		return fmt.Errorf("%s hung up on too many keys that it does not know: name the right one with --via-key", h)
	}
	return fmt.Errorf("no SSH connection to %s: %v", h, err)
}

// ended says that SSH itself came to its end.
func (h *Host) ended(s *session, err error) error {
	select {
	case <-s.done:
		return fmt.Errorf("the SSH connection to %s broke: %w", h, net.ErrClosed)
	case <-time.After(afterglow):
		return err
	}
}

func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err
	}
	return err
}
