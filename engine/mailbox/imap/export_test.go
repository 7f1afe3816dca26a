package imap

// Far makes this machine count as another.
func Far(o Options) Options {
	o.far = true
	return o
}
