package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"smtplay/dsl"
	"smtplay/engine/paste"
	"smtplay/engine/transcript"
)

// importFlags are the flags of import.
type importFlags struct {
	output     string
	transcript bool
	text       bool
}

func newImport(p *process) *cobra.Command {
	f := &importFlags{}
	cmd := &cobra.Command{
		Use:   "import [FILE] [flags]",
		Short: "Make a script of a pasted session",
		Long: "Reads sessions as people keep them, and writes a script with a test for each:\n" +
			"telnet, openssl s_client, swaks, curl -v, C: and S:, >>> and <<<, Exim's -d and -bh,\n" +
			"Postfix's verbose log, a followed stream, a transcript. Which it is shows by itself.\n" +
			"Without a FILE, or with -, it reads standard input.\n\n" +
			"What it cannot place is a comment, and a warning with the number of its line.\n" +
			"Passwords become secrets.\n\nExit status: 0 something was found; 2 nothing was, or it cannot be read.",
		Example: "  smtplay import ticket.txt -o ticket.lua\n  xclip -o | smtplay import > pasted.lua\n" +
			"  smtplay import --transcript /var/log/mail.log -o before.smtp",
		Args:                  atMostOneFile,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			return f.run(ctx, p, args)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func atMostOneFile(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage("import takes one file at a time").try("cat joins several: cat FILE… | smtplay import")
	}
	return nil
}

func (f *importFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	fs.StringVarP(&f.output, "output", "o", "", "`FILE`: write there, and not to standard output")
	fs.BoolVar(&f.transcript, "transcript", false, "write a transcript, not a script")
	fs.BoolVar(&f.text, "text", false, "expect the text of replies too, but for what changes each time")
}

// run does the verb.
func (f *importFlags) run(ctx context.Context, p *process, args []string) error {
	if f.text && f.transcript {
		return usage("--text is for scripts: a transcript has all the text")
	}
	in, name, err := open(p, args)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := create(p, "--output", f.output, in)
	if err != nil {
		return err
	}
	defer out.discard()
	type outcome struct {
		sessions int
		err      error
	}
	done := make(chan outcome, 1)
	go func() { // whoever types the session can interrupt it: nothing else ends the read
		buffered := bufio.NewWriterSize(out, 64<<10)
		n, err := f.write(ctx, p, buffered, name, paste.Sessions(in))
		if err == nil {
			err = buffered.Flush()
		}
		done <- outcome{n, err}
	}()
	var o outcome
	select {
	case o = <-done:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return &fault{status: exitInterrupted, msg: context.Cause(ctx).Error()}
	}
	if o.err == nil {
		o.err = out.keep()
	}
	var unreadable *paste.Error
	switch {
	case errors.As(o.err, &unreadable):
		f := usage("%s: %v", name, unreadable)
		f.hint = unreadable.Hint
		return f
	case p.stdout.fault() != nil:
		return nil // which tells of itself
	case o.err != nil:
		return &fault{status: exitNoVerdict, msg: fmt.Sprintf("%s cannot be written: %v", f.output, cause(o.err))}
	}
	f.report(p, out, o.sessions)
	return nil
}

// write writes the sessions, and returns how many there were.
func (f *importFlags) write(ctx context.Context, p *process, w io.Writer, name string, sessions iter.Seq2[*paste.Session, error]) (int, error) {
	title := "Imported from " + name
	out := f.scriptOf(w, title)
	if f.transcript {
		out = transcriptOf(w)
	}
	count := 0
	for s, err := range sessions {
		if ctx.Err() != nil {
			return count, context.Cause(ctx)
		}
		if err != nil {
			return count, err
		}
		for _, r := range s.Unplaced {
			p.warn("%s: %v", name, r)
		}
		if err := out.write(s); err != nil {
			return count, err
		}
		count++
	}
	return count, out.close()
}

// importer takes the sessions one by one.
type importer struct {
	write func(*paste.Session) error
	close func() error
}

// scriptOf writes a script: where there is one session only, without test().
func (f *importFlags) scriptOf(w io.Writer, title string) importer {
	script := dsl.NewScriptWriter(w, dsl.WriteOptions{Title: title, Text: f.text})
	var first *paste.Session
	several := false
	return importer{
		write: func(s *paste.Session) error {
			if first == nil && !several {
				first = s
				return nil
			}
			if !several {
				several = true
				if err := script.Write(first.Name, first.Events); err != nil {
					return err
				}
				first = nil
			}
			return script.Write(s.Name, s.Events)
		},
		close: func() error {
			if first != nil {
				if err := script.Write("", first.Events); err != nil {
					return err
				}
			}
			return script.Close()
		},
	}
}

func transcriptOf(w io.Writer) importer {
	out := transcript.NewWriter(w)
	return importer{
		write: func(s *paste.Session) error {
			for _, e := range s.Events {
				out.Record(e)
			}
			return out.Err()
		},
		close: out.Err,
	}
}

// longestScript is what a script may have to be run.
const longestScript = 1 << 20

// report says what was made, where that does not show by itself.
func (f *importFlags) report(p *process, out *outputFile, sessions int) {
	if !f.transcript && out.written > longestScript {
		p.warn("the script has %d bytes, and smtplay runs scripts of up to %d: import the part that you want, or --transcript", out.written, longestScript)
	}
	if out.name != "" {
		p.note("%s in %s", count(sessions, "conversation"), out.name)
	}
}

// open opens the file to read, and says what it is called.
func open(p *process, args []string) (in io.ReadCloser, name string, err error) {
	if len(args) == 0 || args[0] == "-" {
		if p.inIsTerm {
			p.note("paste the session, then press Ctrl-D on a line of its own")
		}
		return io.NopCloser(p.stdin), "standard input", nil
	}
	file, err := os.Open(args[0])
	if err == nil {
		var info os.FileInfo
		if info, err = file.Stat(); err == nil && info.IsDir() {
			err = errors.New("it is a folder")
		}
	}
	if err != nil {
		return nil, "", usage("%s: %v", args[0], cause(err))
	}
	return file, args[0], nil
}
