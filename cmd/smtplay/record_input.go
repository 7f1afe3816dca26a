package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
)

// input is where the lines of a session come from.
type input interface {
	// line reads the next line, without its end; io.EOF says that there is none.
	line(ctx context.Context, q question) (string, error)
	// erase takes a line that was typed from the screen again, where it is shown.
	erase(prompt, line string)
	// edited: somebody types, and is shown by the terminal what he typed.
	edited() bool
	// close ends a line that is waited for, and gives back what was taken.
	close()
}

// question is what a line is asked for.
type question struct {
	prompt string
	hidden bool     // what is typed is not shown
	words  []string // lines that may be meant, of which the Tab key completes one
	forget bool     // keep the line out of the history
}

// longestLine bounds a line of input, in bytes.
const longestLine = 1 << 20

var errLongLine = errors.New("the line is too long")

// piped are lines from a file, a pipe, or a terminal that edits by itself.
type piped struct {
	p  *process
	in *bufio.Reader
}

// openInput takes lines from the terminal, where there is one that can be
// written to.
func openInput(p *process, s *screen, interrupt func()) (input, error) {
	if p.inIsTerm && p.outIsTerm && p.env["TERM"] != "dumb" {
		return p.terminal(s, interrupt)
	}
	return &piped{p: p, in: bufio.NewReader(p.stdin)}, nil
}

func (i *piped) line(ctx context.Context, q question) (string, error) {
	if q.hidden && i.p.inIsTerm {
		return i.p.password(ctx, q.prompt)
	}
	var line strings.Builder
	for {
		piece, err := i.in.ReadSlice('\n')
		line.Write(piece)
		switch {
		case line.Len() > longestLine:
			return "", errLongLine
		case err == bufio.ErrBufferFull:
		case err == io.EOF && line.Len() == 0:
			return "", io.EOF
		case err != nil && err != io.EOF:
			return "", err
		default: // the last line may lack its end
			return strings.TrimSuffix(strings.TrimSuffix(line.String(), "\n"), "\r"), nil
		}
	}
}

func (i *piped) erase(_, _ string) {}
func (i *piped) edited() bool      { return false }
func (i *piped) close()            {}
