// Package jump reaches servers through an SSH host, as "ssh -J" and "ssh -W"
// do: what is tested is then seen as that host sees it, with nothing installed
// there. It is apart from package engine so that only the command, which reads
// the keys, links SSH. Each connection has two goroutines, which carry bytes
// between the SSH channel and a pipe: channels know no deadlines, pipes do.
package jump
