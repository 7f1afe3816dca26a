package dsl

import (
	"fmt"
	"path"
	"regexp"
	"sync"

	"smtplay/engine/suite"
)

// localView is the target at which the trust in the server's own machine is what
// is tested.
const localView = "local"

// aboutRelaying finds tests that say of themselves what they are about.
var aboutRelaying = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\brelay`) })

// warn says why the pass of a relay test proves nothing: a server commonly
// relays for its own machine (Postfix: mynetworks), so that what was accepted
// might have been without the login, or the rule, that is tested. A relay test is
// one in which somebody logged in, or that calls itself one, and in which a
// recipient of another domain than the sender's was accepted. No warning where
// the same test saw the server refuse to relay for this client, where XCLIENT or
// a PROXY header made it another one, and at the target local. The transcript is
// silent on it: two of them differ only where the server did.
func (s *session) warn(v *suite.Verdict) {
	if v.Outcome != suite.Passed || s.env.Impartial {
		return
	}
	for _, c := range s.convs {
		if !c.LoggedIn() && !s.speaksOfRelaying() {
			continue
		}
		recipient, login := c.Relayed()
		if recipient == "" || c.Target() == localView || !c.FromHere() || !login && !s.speaksOfRelaying() || s.refusedRelay(c) {
			continue
		}
		why := ""
		if login {
			why = ", login or not"
		}
		v.Warning = fmt.Sprintf("this pass proves nothing about relaying: %s was accepted from the server's own machine, for which servers commonly relay%s (Postfix: mynetworks); test from another machine (--via), or as another client (xclient, proxy), or show first that it is refused", recipient, why)
		return
	}
}

// speaksOfRelaying: the name of the test, or its file.
func (s *session) speaksOfRelaying() bool {
	if s.chosen != nil && aboutRelaying().MatchString(s.chosen.Name) {
		return true
	}
	return s.script.speaksOfRelaying()
}

// speaksOfRelaying: the title of the file or its name.
func (s *Script) speaksOfRelaying() bool {
	s.looked.Do(func() {
		s.ofRelaying = aboutRelaying().MatchString(s.Title()) || aboutRelaying().MatchString(path.Base(s.Name()))
	})
	return s.ofRelaying
}

// refusedRelay: one of the test's conversations with that server, as this same
// client, was refused.
func (s *session) refusedRelay(like *conversation) bool {
	for _, c := range s.convs {
		if c.RelayRefused() && c.Address() == like.Address() && c.FromHere() {
			return true
		}
	}
	return false
}
