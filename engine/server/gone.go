package server

// Gone reports whether an error of a session's verb says that the client is no
// longer there: it closed the connection, or reset it.
func Gone(err error) bool { return gone(err) }
