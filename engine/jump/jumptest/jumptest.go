// Package jumptest is the SSH server that tests go through.
package jumptest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"testing"

	"golang.org/x/crypto/ssh"
)

// Server is an SSH server that forwards connections for one key, and otherwise
// does what its fields say.
type Server struct {
	Address string
	Host    ssh.Signer    // its host key
	Stalls  bool          // it never answers a request for a channel
	Refuses bool          // it forwards nothing
	Conns   chan ssh.Conn // those that clients made
}

// Key makes a key, of a host or of a client.
func Key(t testing.TB) (ssh.Signer, ed25519.PrivateKey) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s, key
}

// Start starts an SSH server on loopback. It lets the user admin in, with the
// client's key, and knows the names localhost and inside.example, both as its
// loopback. It ends with the test.
func Start(t testing.TB, client ssh.PublicKey) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	host, _ := Key(t)
	d := &Server{Address: l.Addr().String(), Host: host, Conns: make(chan ssh.Conn, 16)}
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() == "admin" && bytes.Equal(key.Marshal(), client.Marshal()) {
			return nil, nil
		}
		return nil, errors.New("no")
	}}
	config.AddHostKey(host)
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go d.serve(nc, config)
		}
	}()
	return d
}

func (d *Server) serve(nc net.Conn, config *ssh.ServerConfig) {
	conn, channels, requests, err := ssh.NewServerConn(nc, config)
	if err != nil {
		nc.Close()
		return
	}
	d.Conns <- conn
	go ssh.DiscardRequests(requests)
	for c := range channels {
		go d.forward(c)
	}
}

func (d *Server) forward(c ssh.NewChannel) {
	var tcp struct {
		Host   string
		Port   uint32
		Origin string
		From   uint32
	}
	var nc net.Conn
	var err error
	switch {
	case d.Stalls:
		return
	case d.Refuses:
		_ = c.Reject(ssh.Prohibited, "administratively prohibited")
		return
	case c.ChannelType() == "direct-tcpip":
		_ = ssh.Unmarshal(c.ExtraData(), &tcp)
		if tcp.Host == "inside.example" || tcp.Host == "localhost" { // names that this host resolves by itself
			tcp.Host = "127.0.0.1"
		}
		nc, err = net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.ParseIP(tcp.Host), Port: int(tcp.Port)})
	default:
		// Its first string is the path; what follows is reserved.
		path := c.ExtraData()
		n := int(path[3]) | int(path[2])<<8
		nc, err = net.Dial("unix", string(path[4:4+n]))
	}
	if err != nil {
		_ = c.Reject(ssh.ConnectionFailed, "Connection refused")
		return
	}
	channel, requests, err := c.Accept()
	if err != nil {
		nc.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	go func() {
		_, _ = io.Copy(channel, nc)
		channel.Close()
	}()
	_, _ = io.Copy(nc, channel)
	nc.Close()
}
