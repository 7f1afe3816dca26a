package transcript

// Begins says whether an event of that kind begins a conversation.
func (k Kind) Begins() bool { return k == Connect || k == Accept }

// Sides follows events for which side smtplay takes in each conversation. The
// zero value is ready.
type Sides struct{ accepted map[int]bool }

// Serves says whether e belongs to a conversation that smtplay accepted: there it
// is the server, and the peer is the client. Events are given in their order.
func (s *Sides) Serves(e Event) bool {
	switch {
	case e.Kind == Step:
		return false // it belongs to the test
	case e.Kind == Accept:
		if s.accepted == nil {
			s.accepted = map[int]bool{}
		}
		s.accepted[e.Conn] = true
	case e.Kind == Connect:
		delete(s.accepted, e.Conn)
	}
	serves := s.accepted[e.Conn]
	if e.Kind == Close {
		delete(s.accepted, e.Conn) // what bears the number next is another
	}
	return serves
}
