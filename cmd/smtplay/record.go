package main

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"smtplay/dsl"
	"smtplay/engine"
	"smtplay/engine/suite"
)

// recordFlags are the flags of record.
type recordFlags struct {
	connectionFlags
	inputFlags
	colorFlag
	demo   bool
	tls    bool
	text   bool
	force  bool
	output string
}

func newRecord(p *process) *cobra.Command {
	f := &recordFlags{}
	cmd := &cobra.Command{
		Use:   "record [HOST[:PORT]] [flags]",
		Short: "Type commands to a server, and keep the session as a script and a transcript",
		Long: "Connects to a server and sends it what is typed, line by line, in the place of telnet\n" +
			"and openssl s_client; lines from a file or a pipe will do as well. What was said\n" +
			"stands in NAME.smtp as it happens; at the end NAME.lua is made of it, a script that\n" +
			"sends the same and expects the replies that came. /help lists what else can be typed.\n" +
			"With --server, --demo or --target the operand may name a target, as submission.\n\n" +
			"Exit status: 0 the session is recorded; 2 usage; 3 no connection could be made, or it\n" +
			"broke; 130 interrupted.",
		Example: "  smtplay record mail.example.com\n  smtplay record mail.example.com:465 -o certificate\n" +
			"  smtplay record --demo submission\n  smtplay record -s mail.example.com --insecure < commands.txt",
		DisableFlagsInUseLine: true,
		Args:                  atMostOne,
		ValidArgsFunction:     cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			return f.run(ctx, p, strings.Join(args, ""))
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *recordFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	f.connectionFlags.register(fs)
	fs.BoolVar(&f.demo, "demo", false, "record a session with the mail server inside smtplay")
	fs.BoolVar(&f.tls, "tls", false, "TLS from the first byte, as on port 465, where it needs no saying")
	fs.StringArrayVar(&f.secrets, "secret", nil, "`NAME=@FILE`: a password for /auth, read from a file (SMTPLAY_SECRET_NAME)")
	fs.StringVarP(&f.output, "output", "o", "", "`NAME`: write NAME.lua and NAME.smtp (default: after the host, the first name that is free)")
	fs.BoolVar(&f.force, "force", false, "overwrite NAME.lua and NAME.smtp")
	fs.BoolVar(&f.text, "text", false, "let the script expect the text of the replies, too")
	f.colorFlag.register(fs)
}

// run does the verb. Everything is looked at before anything is dialled.
func (f *recordFlags) run(ctx context.Context, p *process, operand string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.stdout.broken = func() { cancel(errors.New("standard output is closed")) }
	coloured, err := f.on(p)
	if err != nil {
		return err
	}
	env, err := f.environment(p)
	if err != nil {
		return err
	}
	if f.demo {
		stop, err := startDemo(ctx, env, &f.inputFlags)
		if err != nil {
			return &fault{status: exitNoVerdict, msg: err.Error()}
		}
		defer stop()
	}
	peer, err := f.peer(env, operand)
	if err != nil {
		return err
	}
	files, err := reserve(f.output, peer.file, f.force, p.redact)
	if err != nil {
		return err
	}
	d := &dialogue{p: p, files: files, helo: env.Helo, screen: newScreen(p.stdout, coloured)}
	d.script = dsl.WriteOptions{Title: "A session with " + peer.called, Text: f.text}
	d.passwords = passwords{redact: p.redact, declared: env.Secrets}
	if err := d.connect(ctx, peer); err != nil {
		d.discard()
		return err
	}
	d.in, err = openInput(p, d.screen, func() { cancel(suite.ErrInterrupted) })
	if err == nil {
		defer d.in.close() // whatever happens, the terminal is given back
		err = d.play(ctx)
		d.in.close()
	}
	d.conn.Close()
	return d.keep(err)
}

// environment reads what the flags say, but for what the demo brings.
func (f *recordFlags) environment(p *process) (*suite.Env, error) {
	env := &suite.Env{Redact: p.redact}
	if f.demo && f.server != "" {
		return nil, usage("--demo and --server name two servers").try("--target NAME=ADDRESS leads one name of the demo elsewhere")
	}
	if f.demo && f.via != "" {
		return nil, usage("--demo is on this machine, and with --via connections come from another")
	}
	err := f.inputFlags.read(p, env)
	if err != nil {
		return nil, err
	}
	if env.Options, err = f.options(p); err != nil {
		return nil, err
	}
	if env.Helo, err = f.clientName(p); err != nil {
		return nil, err
	}
	if env.Targets, err = f.where(p); err != nil {
		return nil, err
	}
	if f.demo {
		env.Targets.Host, env.Targets.Port = "", "" // SMTPLAY_SERVER is not meant
	}
	return env, nil
}

// peer is whom a session is with.
type peer struct {
	address string
	options engine.Options
	called  string // as people name it
	file    string // what files are named after
}

// peer finds the server. The operand is a target where there is one of that
// name, else the server itself.
func (f *recordFlags) peer(env *suite.Env, operand string) (*peer, error) {
	t, name := env.Targets, cmp.Or(operand, suite.DefaultTarget)
	server := t.Host
	isTarget := operand == "" || slices.Contains(t.Names(), operand)
	switch {
	case !isTarget && (f.server != "" || f.demo):
		return nil, usage("there is no target %q, and the server is named already", operand).try("the targets are %s", strings.Join(t.Names(), ", "))
	case !isTarget:
		if engine.IsCommand(operand) && env.Options.Commands == nil {
			return nil, usage("%s is a command, and those are run with --allow exec only", operand)
		}
		if err := checkAddress(operand); err != nil {
			return nil, usage("%v", err).try("write a host, or host:port: mail.example.com, 192.0.2.1:2525, [2001:db8::1]:25")
		}
		server, name = operand, suite.DefaultTarget
		t = suite.Targets{Named: map[string]string{name: operand}}
	case f.demo:
		server = "demo"
	}
	address, tls, err := t.Resolve(name)
	var unknown *suite.UnknownTargetError
	if errors.As(err, &unknown) && unknown.Bare {
		return nil, usage("no server was named").try("smtplay record HOST connects to one, --demo starts one inside smtplay")
	} else if err != nil {
		return nil, usage("%v", err).try("--target %s=ADDRESS says where it is", name)
	}
	o := env.Options
	o.Target, o.Secrets = name, env.Redact
	o.TLS = tls || f.tls || strings.HasSuffix(address, ":465") // RFC 8314 section 3.3
	p := &peer{address: address, options: o, called: address, file: fileBase(server)}
	if f.demo {
		p.called = "the server inside smtplay"
	}
	if name != suite.DefaultTarget {
		p.file = strings.Trim(p.file+"-"+name, "-")
	}
	p.file = cmp.Or(p.file, "session")
	return p, nil
}

// fileBase is what of a server's name or address may begin the name of a file.
func fileBase(server string) string {
	if path, ok := strings.CutPrefix(server, "unix:"); ok {
		return filepath.Base(path)
	}
	if engine.IsCommand(server) {
		return "exec"
	}
	if host, _, err := splitServer(server); err == nil {
		server = host
	}
	return strings.ReplaceAll(server, ":", "-")
}
