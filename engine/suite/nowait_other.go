//go:build !unix

package suite

// noWait is of no use where the file system holds no pipes.
const noWait = 0
