package demo

import (
	"bytes"

	"github.com/emersion/go-smtp"
)

// plainServer is the server's side of PLAIN, RFC 4616.
type plainServer struct {
	login func(user, password string) error
}

// Next asks for the message when it did not come with the command, then decides.
func (p *plainServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil {
		return nil, false, nil
	}
	parts := bytes.Split(response, []byte{0})
	if len(parts) != 3 {
		return nil, false, refusal(501, smtp.EnhancedCode{5, 5, 2}, "Malformed PLAIN message")
	}
	if identity := parts[0]; len(identity) > 0 && !bytes.Equal(identity, parts[1]) {
		// Nobody may act for somebody else here, RFC 4616 section 2.
		return nil, false, p.login("", "")
	}
	return nil, true, p.login(string(parts[1]), string(parts[2]))
}

// loginServer is the server's side of LOGIN, which was never standardized. Its
// prompts are those that clients compare with.
type loginServer struct {
	login func(user, password string) error
	user  *string
}

// Next asks for the user, then for the password, then decides. A response that
// came with the command is the user.
func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil:
		return []byte("Username:"), false, nil
	case l.user == nil:
		user := string(response)
		l.user = &user
		return []byte("Password:"), false, nil
	}
	return nil, true, l.login(*l.user, string(response))
}
