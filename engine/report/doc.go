// Package report makes results readable: a format is a function of results and
// an io.Writer, and has a file of its own. Whatever came from a server or a
// script is shown with its control characters escaped.
package report
