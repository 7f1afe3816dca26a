package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"smtplay/engine/report"
	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	inputFlags
	allowFlag
	colorFlag
	listen  []string
	lenient bool
	once    bool
	count   numberFlag
	timeout durationFlag
	writeCA string
	verbose bool
}

// sessionTimeout is how long a client may stay; a test has as long.
const sessionTimeout = 15 * time.Minute

func newServe(p *process) *cobra.Command {
	f := &serveFlags{count: numberFlag{min: 1}, timeout: durationFlag{sessionTimeout}}
	cmd := &cobra.Command{
		Use:   "serve TRANSCRIPT… | SCRIPT | NAME [flags]",
		Short: "Play the server's side: of transcripts, or as a script says",
		Long: "Plays the server's side of transcripts (of a folder, all .smtp files below it):\n" +
			"each connection is answered as one of their conversations was, byte for byte,\n" +
			"with STARTTLS by a certificate made in memory. Of several the one is played that\n" +
			"the client holds; of those that begin alike, the next in turn.\n\n" +
			"The first line of standard output is the address, 127.0.0.1:PORT. Where the\n" +
			"transcripts name several targets, each has a port and a line of its own,\n" +
			"NAME=127.0.0.1:PORT, as --target of run takes it.\n\n" +
			"A client must send what was sent then; of message text, Date, Message-ID and the\n" +
			"like do not count. One that does not is told so (554), and so are you.\n\n" +
			"A script that listens and serves (listen():serve{ … }) is a server of its own: it\n" +
			"goes on until it is stopped, and tells of every client in a line. --listen is\n" +
			"where it listens, NAME=ADDRESS where it gives a name. Built in are, by NAME:\n\n" +
			listBuiltIn() + "\n" +
			"Exit status: 0 no client left the recording, also after Ctrl-C and SIGTERM;\n" +
			"1 one did, or failed what a script demands; 2 usage, or a transcript or script\n" +
			"that is wrong; 3 it cannot listen, or the script broke off;\n" +
			"130 interrupted before --once or --count was reached.",
		Example: "  smtplay serve greylist --listen 127.0.0.1:2525\n" +
			"  smtplay serve my.lua --write-ca ca.pem -v\n" +
			"  smtplay serve before/relay/relay.smtp\n" +
			"  smtplay serve --listen 127.0.0.1:2525 --lenient before.smtp\n" +
			"  smtplay serve --once before.smtp | { read server; smtplay run -s $server relay.lua; cat; }",
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if names := builtInLike(typed); len(args) == 0 && len(names) > 0 {
				return names, cobra.ShellCompDirectiveDefault
			}
			return []string{"smtp", "lua"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, paths []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			p.forMany()
			return f.serve(ctx, p, paths)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *serveFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	fs.StringArrayVar(&f.listen, "listen", nil, "`ADDRESS`: HOST[:PORT] or unix:/PATH (default a free port of 127.0.0.1); NAME=ADDRESS for one target")
	fs.BoolVar(&f.lenient, "lenient", false, "match commands by their verbs, and look at no message text")
	fs.BoolVar(&f.once, "once", false, "end after as many clients as there are conversations")
	fs.Var(&f.count, "count", "end after so many clients")
	fs.StringArrayVar(&f.secrets, "secret", nil, "`NAME=@FILE`: take only this secret where it was recorded (default any; SMTPLAY_SECRET_NAME)")
	fs.StringArrayVar(&f.vars, "var", nil, "`NAME=VALUE`: a value that the script reads (SMTPLAY_VAR_NAME)")
	f.allowFlag.register(fs)
	fs.StringVar(&f.writeCA, "write-ca", "", "`FILE`: write the CA there that clients have to trust")
	fs.Var(&f.timeout, "timeout", "how long a client may stay (default 15m)")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "show every conversation as it happens")
	f.colorFlag.register(fs)
}

// serve does the verb.
func (f *serveFlags) serve(ctx context.Context, p *process, paths []string) error {
	coloured, err := f.on(p)
	if err != nil {
		return err
	}
	if f.once && f.count.n > 0 {
		return usage("--once and --count say two things: give one of them")
	}
	if isServer(paths) {
		return f.serveScript(ctx, p, paths, coloured)
	}
	if len(paths) == 1 && isWord(paths[0]) && !exists(paths[0]) {
		return usage("%s is no file here, and no server that is built in", paths[0]).try("%s", knownServers(paths[0]))
	}
	if len(f.vars) > 0 || len(f.allow) > 0 {
		return usage("--var and --allow are of scripts: a transcript reads nothing")
	}
	env := &suite.Env{Redact: p.redact}
	if err := f.inputFlags.read(p, env); err != nil {
		return err
	}
	show := &attendance{w: p.stdout, redact: p.redact}
	recording, err := readRecording(paths)
	if err != nil {
		return err
	}
	recording.Lenient, recording.Secrets, recording.Left = f.lenient, env.Secrets, show.left
	if f.verbose {
		live := &report.Live{W: p.stdout, Color: coloured, Redact: p.redact, Prefix: true}
		recording.Live = func(client int) transcript.Recorder { return live.Named(fmt.Sprintf("client %d", client)) }
	}
	f.warnOfSecrets(p, recording.SecretNames())
	unprovable := recording.Unprovable()
	for _, at := range slices.SortedFunc(maps.Keys(unprovable), func(a, b transcript.Pos) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	}) {
		p.warn("%s: %s cannot be served: what the server proved then is no proof to another client, and one that checks will leave here", at, unprovable[at])
	}
	places, err := f.places(recording.Targets())
	if err != nil {
		return err
	}
	if err := f.trust(recording); err != nil {
		return err
	}
	wanted := int(f.count.n)
	if f.once {
		wanted = recording.Unplayed()
	}
	return f.attend(ctx, p, recording, places, show, wanted)
}

// readRecording reads the transcripts.
func readRecording(paths []string) (*server.Recording, error) {
	if len(paths) == 0 {
		return nil, usage("serve needs a transcript, or a script").try("smtplay run --record DIR writes transcripts; built in are %s", strings.Join(builtIn(), ", "))
	}
	sources, err := transcripts(paths)
	if err != nil {
		return nil, err
	}
	recording := &server.Recording{}
	for _, s := range sources {
		if err := recording.Add(s.path, s.text); err != nil {
			return nil, usage("%v", err)
		}
	}
	return recording, nil
}

// trust writes what clients have to trust.
func (f *serveFlags) trust(recording *server.Recording) error {
	if f.writeCA == "" {
		return nil
	}
	pem, err := recording.CA()
	if err != nil {
		return &fault{status: exitNoVerdict, msg: err.Error()}
	}
	if err := os.WriteFile(f.writeCA, pem, 0o644); err != nil {
		return usage("--write-ca: %v", err)
	}
	return nil
}

// warnOfSecrets names those given that no transcript asks for.
func (f *serveFlags) warnOfSecrets(p *process, asked []string) {
	for _, s := range f.secrets {
		name, _, _ := strings.Cut(s, "=")
		if slices.Contains(asked, name) {
			continue
		}
		if near := nearest(name, asked); near != "" {
			p.warn("no transcript has the secret %q: did you mean %q?", name, near)
		} else {
			p.warn("no transcript has the secret %q", name)
		}
	}
}

// attend serves until enough clients came, or until it is interrupted.
func (f *serveFlags) attend(ctx context.Context, p *process, recording *server.Recording, places []place, show *attendance, wanted int) error {
	conversations := recording.Unplayed()
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	var servers []*server.Server
	defer func() {
		for _, s := range servers {
			s.Close()
		}
	}()
	for _, at := range places {
		play := recording.ServeTargets(at.targets...)
		s := &server.Server{Network: at.network, Address: at.address, Timeout: f.timeout.Duration, Unlogged: true, Handler: func(s *server.Session) {
			play(s)
			if show.ended(wanted) {
				enough()
			}
		}}
		if err := s.Listen(); err != nil {
			return &fault{status: exitNoVerdict, msg: err.Error()}
		}
		servers = append(servers, s)
	}
	announce(p.stdout, places, servers)
	<-ctx.Done()
	show.stop()
	var faults []error
	for _, s := range servers {
		s.Close()
		faults = append(faults, otherFaults(s.Err())...)
	}
	show.summary(conversations, recording.Unplayed())
	return show.verdict(wanted, errors.Join(faults...))
}

// announce says where clients find what is served.
func announce(w io.Writer, places []place, servers []*server.Server) {
	var b strings.Builder
	for i, at := range places {
		address := servers[i].Addr()
		if at.network == "unix" {
			address = "unix:" + address
		}
		if len(places) == 1 && len(at.targets) == 1 {
			fmt.Fprintln(&b, address)
			continue
		}
		for _, name := range at.targets {
			fmt.Fprintf(&b, "%s=%s\n", name, address)
		}
	}
	io.WriteString(w, b.String())
}

// otherFaults are those of a server that are no departures: those were told.
func otherFaults(err error) []error {
	var all []error
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range several.Unwrap() {
			if left := (*server.Departure)(nil); !errors.As(e, &left) {
				all = append(all, e)
			}
		}
	}
	return all
}

// attendance counts clients and tells of those that leave the recording.
type attendance struct {
	w      io.Writer
	redact *transcript.Redactor

	mu      sync.Mutex
	clients int // whose sessions are over
	strayed int
	stopped bool // nobody counts any more
}

// ended counts a client, and says whether there were as many as wanted.
func (a *attendance) ended(wanted int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.stopped {
		a.clients++
	}
	return a.clients == wanted
}

// stop counts no more: who is there still is cut off.
func (a *attendance) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = true
}

// longest is how much of a line is shown, in characters.
const longest = 200

// left tells of a client that left the recording, in one Write.
func (a *attendance) left(d *server.Departure) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.strayed++
	var b strings.Builder
	row := func(name, text string) {
		text = report.Visible(a.redact.String(text))
		if r := []rune(text); len(r) > longest {
			text = string(r[:longest]) + "…"
		}
		fmt.Fprintf(&b, "  %-8s  %s\n", name, text)
	}
	fmt.Fprintf(&b, "%s: client %d left the recording\n", report.Visible(a.redact.String(d.Pos.String())), d.Client)
	row("expected", d.Want)
	for _, other := range d.Or {
		row("or", other.Want+"  ("+other.Pos.String()+")")
	}
	row("got", d.Got)
	if d.Answer != "" {
		row("answered", d.Answer)
	}
	io.WriteString(a.w, b.String())
}

// summary is the last line.
func (a *attendance) summary(conversations, unplayed int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	line := count(a.clients, "client") + ", none left the recording"
	if a.strayed > 0 {
		line = fmt.Sprintf("%s, %d left the recording", count(a.clients, "client"), a.strayed)
	}
	if unplayed > 0 {
		line += fmt.Sprintf("; %d of %s not played", unplayed, count(conversations, "conversation"))
	}
	fmt.Fprintln(a.w, line)
}

// verdict is what it comes to. wanted is after how many clients it should have
// ended, 0 for never.
func (a *attendance) verdict(wanted int, err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.strayed > 0:
		return &fault{status: exitFailed}
	case err != nil:
		return &fault{status: exitNoVerdict, msg: err.Error()}
	case a.clients < wanted:
		return &fault{status: exitInterrupted, msg: fmt.Sprintf("interrupted after %d of %s", a.clients, count(wanted, "client"))}
	}
	return nil
}
