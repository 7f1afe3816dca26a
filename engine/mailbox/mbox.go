package mailbox

// OpenMbox opens the mbox file at path. It need not be there yet: its folder must.
func OpenMbox(path string) (*Mbox, error) { return nil, nil }

// Mbox is a file with one message after the other.
type Mbox struct{}
