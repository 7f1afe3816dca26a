package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	return len(paths) > 0 && filepath.Ext(paths[0]) == ".lua"
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
	}
	env := &suite.Env{Redact: p.redact}
	if err := f.inputFlags.read(p, env); err != nil {
		return err
	}
	var err error
	if env.Allow, err = f.permissions(); err != nil {
		return err
	}
	env.Allow.Listen = true // whoever serves says with --listen where
	scripts, err := load(paths)
	if err != nil {
		return err
	}
	listen, err := f.listeners(scripts, env)
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
	door := &door{w: p.stdout, redact: p.redact, wanted: int(f.count.n), enough: enough}
	log := &transcript.Log{Redactor: &transcript.Redactor{Parent: p.redact}}
	if f.verbose {
		live := &report.Live{W: p.stdout, Color: coloured, Redact: p.redact}
		log.Next = append(log.Next, live.Named(script.Name()))
	}
	v := script.Serve(ctx, env, log, door.service(listen))
	return door.verdict(v, script.Name())
}

// listeners are where a script is told to listen, by the names that it gives; ""
// is the address of those without.
func (f *serveFlags) listeners(scripts *loaded, env *suite.Env) (map[string]string, error) {
	at := map[string]string{}
	env.Targets.Named = map[string]string{}
	for _, l := range f.listen {
		name, address, ok := strings.Cut(l, "=")
		if !ok || strings.HasPrefix(l, "unix:") {
			name, address = "", l
		}
		place, err := listenAddress(address)
		if err != nil {
			return nil, err
		}
		at[name] = place.address
		if place.network == "unix" {
			at[name] = "unix:" + place.address
		}
	}
	for _, s := range scripts.scripts {
		for _, use := range s.Needs().Targets {
			if at[use.Name] == "" {
				at[use.Name] = loopback + ":0"
			}
			env.Targets.Named[use.Name] = at[use.Name]
		}
	}
	return at, nil
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

// door tells of the clients of a script that is served.
type door struct {
	w      io.Writer
	redact *transcript.Redactor
	wanted int
	enough func()

	mu      sync.Mutex
	clients int
	failed  int
}

func (d *door) service(listen map[string]string) (o dsl.Service) {
	o.Listen = func(name string) string { return listen[name] }
	o.Bound = func(name, address string) {
		if name != "" {
			address = name + "=" + address
		}
		fmt.Fprintln(d.w, address)
	}
	o.Visited = d.visited
	o.Failed = d.fail
	return o
}

func (d *door) visited(v *server.Visit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clients++
	if v != nil {
		io.WriteString(d.w, fmt.Sprintf("client %d: ", d.clients)+report.Visible(d.redact.String(told(v)))+"\n")
	}
	if d.clients == d.wanted {
		d.enough()
	}
}

// told is a visit in a line.
func told(v *server.Visit) string {
	var b strings.Builder
	b.WriteString(strings.TrimSpace(v.Peer + " " + v.Verb + " " + v.Helo))
	if v.TLS != nil {
		b.WriteString(", " + tls.VersionName(v.TLS.Version))
	}
	if v.Handshake != nil {
		fmt.Fprintf(&b, ", handshake failed: %v", v.Handshake)
	}
	for i := range v.Messages {
		m := &v.Messages[i]
		fmt.Fprintf(&b, "; from <%s>", m.From)
		for _, r := range m.Recipients {
			fmt.Fprintf(&b, " to <%s>", r.Address)
			if !r.Accepted {
				b.WriteString(": " + firstOf(r.Reply))
			}
		}
		if m.Complete {
			b.WriteString(": " + firstOf(m.Reply))
		}
	}
	if v.Ended != server.EndedByQuit {
		b.WriteString("; ended by " + v.Ended.String())
	}
	return b.String()
}

func firstOf(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return strings.TrimSuffix(line, "\r")
}

func (d *door) fail(f *suite.Failure, o suite.Outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failed++
	fmt.Fprintf(d.w, "%s\n", report.Visible(d.redact.String(f.Error())))
}

// verdict is what it comes to, the last line told.
func (d *door) verdict(v suite.Verdict, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v.Failure != nil {
		return &fault{status: exitNoVerdict, msg: v.Failure.Error(), hint: v.Failure.Hint}
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
