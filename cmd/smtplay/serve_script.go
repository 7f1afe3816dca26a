package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"smtplay/dsl"
	"smtplay/engine/report"
	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// isServer says whether what serve was given is a script.
func isServer(paths []string) bool {
	return len(paths) > 0 && (filepath.Ext(paths[0]) == ".lua" || isBuiltIn(paths[0]))
}

// serveScript plays the server that a script is.
func (f *serveFlags) serveScript(ctx context.Context, p *process, paths []string, coloured bool) error {
	switch {
	case len(paths) > 1:
		return usage("one script is served at a time, not %d", len(paths))
	case f.lenient:
		return usage("--lenient is of transcripts: a script says itself what it takes")
	case f.once:
		return usage("--once is of transcripts; --count N ends after so many clients")
	case f.timeout.Duration != sessionTimeout:
		return usage("--timeout is of transcripts: serve{ timeout = … } of the script says how long a client may stay")
	}
	env := &suite.Env{Redact: p.redact}
	if err := f.inputFlags.read(p, env); err != nil {
		return err
	}
	var err error
	if env.Allow, err = f.permissions(); err != nil {
		return err
	}
	scripts, err := loadServer(paths)
	if err != nil {
		return err
	}
	listen, err := f.addresses()
	if err != nil {
		return err
	}
	misspelt(p, "var", f.vars, scripts.vars())
	misspelt(p, "secret", f.inputFlags.secrets, scripts.secrets())
	if scripts.problems.Err() == nil {
		if err := ask(ctx, p, env, scripts.secrets()); err != nil {
			return err
		}
	}
	nameListeners(scripts, env)
	scripts.ready(env, false)
	if n := showProblems(p.stderr, env.Redact, scripts.problems); n > 0 {
		return wrong(n)
	}
	script := scripts.scripts[0]
	if script.Several() {
		return usage("%s declares tests: it is for run, and not a server", script.Name())
	}
	if err := f.trustScript(); err != nil {
		return err
	}
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	log := &transcript.Log{Redactor: &transcript.Redactor{Parent: p.redact}}
	door := &door{w: p.stdout, redact: log.Redactor, wanted: int(f.count.n), enough: enough}
	if f.verbose {
		live := &report.Live{W: p.stdout, Color: coloured, Redact: p.redact}
		log.Next = append(log.Next, live.Named(script.Name()))
	}
	v, err := script.Serve(ctx, env, log, door.service(listen))
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		v = suite.Verdict{} // it was told to end, maybe before it had begun to serve
	}
	return door.verdict(v)
}

// nameListeners gives a free port to the names that a script listens by, where
// nothing else was said.
func nameListeners(scripts *loaded, env *suite.Env) {
	env.Targets.Named = map[string]string{}
	for _, s := range scripts.scripts {
		for _, use := range s.Needs().Targets {
			env.Targets.Named[use.Name] = loopback + ":0"
		}
	}
}

// trustScript writes what clients of a script's listeners have to trust.
func (f *serveFlags) trustScript() error {
	if f.writeCA == "" {
		return nil
	}
	made, err := server.CertificateNamed(server.FlawNone)
	if err != nil {
		return &fault{status: exitNoVerdict, msg: err.Error()}
	}
	if err := os.WriteFile(f.writeCA, made.RootPEM, 0o644); err != nil {
		return usage("--write-ca: %v", err)
	}
	return nil
}

// addresses are what --listen says to a script that listens.
type addresses struct {
	named  map[string]string // by the names that the script listens by
	others []string          // for those that have none, in order
	asked  []string          // names of listeners so far
}

func (f *serveFlags) addresses() (*addresses, error) {
	a := &addresses{named: map[string]string{}}
	for _, l := range f.listen {
		name, address, ok := strings.Cut(l, "=")
		if !ok || strings.HasPrefix(l, "unix:") {
			name, address = "", l
		}
		place, err := listenAddress(address)
		if err != nil {
			return nil, err
		}
		at := place.address
		if place.network == "unix" {
			at = "unix:" + at
		}
		switch {
		case !ok || name == "":
			a.others = append(a.others, at)
		case a.named[name] != "":
			return nil, usage("--listen %s=… is given twice", name)
		default:
			a.named[name] = at
		}
	}
	return a, nil
}

// next is where a listener goes, "" where nothing was said of it.
func (a *addresses) next(name string) string {
	a.asked = append(a.asked, name)
	if at := a.named[name]; at != "" {
		delete(a.named, name)
		return at
	}
	if len(a.others) == 0 {
		return ""
	}
	at := a.others[0]
	a.others = a.others[1:]
	return at
}

// unused is the fault of an address that no listener took.
func (a *addresses) unused() error {
	for name := range a.named {
		names := slices.DeleteFunc(slices.Clone(a.asked), func(n string) bool { return n == "" })
		f := usage("--listen %s=…: the script has no listener called %q", name, name)
		switch near := nearest(name, names); {
		case near != "":
			return f.try("did you mean %q?", near)
		case len(names) > 0:
			return f.try("it has %s", strings.Join(names, ", "))
		}
		return f.try("it gives no names: --listen ADDRESS")
	}
	if len(a.others) > 0 {
		return usage("--listen %s: the script has no more than %s", a.others[0], count(len(a.asked), "listener"))
	}
	return nil
}

// door tells of the clients of a script that is served.
type door struct {
	w      io.Writer
	redact *transcript.Redactor
	wanted int // clients after which it is over; 0 is never
	enough func()

	mu      sync.Mutex
	clients int
	latest  int // the client that was told of last; 0 where that does not count
	failed  int
}

func (d *door) service(listen *addresses) (o dsl.Service) {
	o.Listen = listen.next
	o.Bound = func(name, address string) {
		if name != "" {
			address = name + "=" + address
		}
		fmt.Fprintln(d.w, address)
	}
	o.Ready = listen.unused
	o.Visited = d.visited
	o.Failed = d.fail
	return o
}

// visited tells of a client. Those that were cut off at the end do not count.
func (d *door) visited(v *server.Visit, redact *transcript.Redactor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.latest = 0; v.Ended == server.EndedByClose || d.wanted > 0 && d.clients == d.wanted {
		return
	}
	d.clients++
	d.latest = d.clients
	d.tell(redact, told(v))
	if d.clients == d.wanted {
		d.enough()
	}
}

// longestTold bounds a line, in bytes.
const longestTold = 1000

// tell says something of the latest client, in one line.
func (d *door) tell(redact *transcript.Redactor, text string) {
	text = report.Visible(redact.String(text))
	if len(text) > longestTold {
		text = strings.ToValidUTF8(text[:longestTold], "") + "…"
	}
	if d.latest > 0 {
		text = fmt.Sprintf("client %d: %s", d.latest, text)
	}
	io.WriteString(d.w, text+"\n")
}

func (d *door) fail(f *suite.Failure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failed++
	d.tell(d.redact, "FAIL "+f.Error())
	if f.Hint != "" {
		d.tell(d.redact, "hint: "+f.Hint)
	}
}

// verdict is what it comes to, the last line told.
func (d *door) verdict(v suite.Verdict) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v.Failure != nil {
		return &fault{status: exitNoVerdict, msg: report.Visible(v.Failure.Error()), hint: v.Failure.Hint}
	}
	line := count(d.clients, "client")
	if d.failed > 0 {
		line += fmt.Sprintf(", %d failed", d.failed)
	}
	fmt.Fprintln(d.w, line)
	switch {
	case d.failed > 0:
		return &fault{status: exitFailed}
	case d.clients < d.wanted:
		return &fault{status: exitInterrupted, msg: fmt.Sprintf("interrupted after %d of %s", d.clients, count(d.wanted, "client"))}
	}
	return nil
}
