package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"smtplay/dsl"
	"smtplay/engine/demo"
	"smtplay/engine/lab"
	"smtplay/engine/lab/daemon"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
)

// A block is what stands between two fences of a guide.
type block struct {
	kind string // console, lua, text, …
	name string // the file that it is, as the line above says: "… `relay.lua`:"
	text string
}

var fenced = regexp.MustCompile("(?ms)(?:`([\\w./-]+)`:\n\n)?^```(\\w+)\n(.*?)^```$")

// fencedBlocks are the blocks of a page, in their order.
func fencedBlocks(page string) []block {
	var all []block
	for _, m := range fenced.FindAllStringSubmatch(page, -1) {
		all = append(all, block{kind: m[2], name: m[1], text: m[3]})
	}
	return all
}

// site is where the commands of a page lead.
type site struct {
	addr map[string]string // of the targets
	ca   string            // PEM
	log  string            // the mail log, of a Postfix
	mx   string            // where mail for example.net goes, of a Postfix
	lab  *lab.Postfix      // nil of the demo
}

// demoSite is the embedded server.
func demoSite(t *testing.T) site {
	t.Helper()
	d, err := demo.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return site{addr: d.Targets(), ca: string(d.CAPEM())}
}

// postfixSite is a Postfix that offers AUTH without TLS, as the tutorial's does,
// and sends mail for example.net to a port where nobody listens yet.
func postfixSite(t *testing.T) site {
	t.Helper()
	mx, err := daemon.ReservePort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mx.Close)
	p := labtest.Private(t, lab.Options{MainCF: map[string]string{"smtpd_tls_auth_only": "no"},
		Outbound: []lab.Outbound{{Domain: "example.net", Address: mx.Addr}}})
	s := labSite(t, p)
	s.mx = mx.Addr
	return s
}

// labSite is a Postfix of the lab's.
func labSite(t *testing.T, p *lab.Postfix) site {
	t.Helper()
	ca, err := os.ReadFile(p.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	s := site{addr: map[string]string{}, ca: string(ca), log: p.LogFile(), lab: p}
	for _, name := range []string{"smtp", "local", "submission", "submissions", "xclient"} {
		s.addr[name] = p.Addr(name)
	}
	return s
}

// there writes a command of a page for the site: the pages' server is
// mail.example.com.
func (s site) there(command string) string {
	trust := " --target submission=" + s.addr["submission"] + " --target submissions=" + s.addr["submissions"] + " --ca ca.pem --tls-name maila.example.com"
	return strings.NewReplacer(
		"smtp=mail.example.com:2526", "smtp="+s.addr["xclient"],
		"local=127.0.0.1:25", "local="+s.addr["local"], "mx=127.0.0.1:2626", "mx="+s.mx, "/var/log/mail.log", s.log,
		"/var/lib/node_exporter/", "",
		"--server mail.example.com", "--server "+s.addr["smtp"]+trust, "-s mail.example.com", "-s "+s.addr["smtp"]+trust,
		"mail.example.com:25", s.addr["smtp"], "mail.example.com:587", s.addr["submission"], "mail.example.com:465", s.addr["submissions"],
		"mail.example.com 25", strings.Replace(s.addr["smtp"], ":", " ", 1),
	).Replace(command)
}

var (
	queueID    = regexp.MustCompile(`queued as \w+`)
	seconds    = regexp.MustCompile(`time=\d+\.\d+s`)
	longTest   = regexp.MustCompile(`(?m)^((?:ok|FAIL) .*  )\d+\.\d s$`)
	ownMachine = regexp.MustCompile(`(?m)^  warning   this pass proves nothing about relaying: .*\n(?: {12}.*\n)*`)
	reportTime = regexp.MustCompile(`(time|timestamp)="[^"]*"`)
)

// asShown gives what a command printed the values that the page shows: its
// server, and times, ports and names that differ from run to run.
func (s site) asShown(command, out string) string {
	const host = "mail.example.com"
	if !strings.Contains(command, "--demo") && strings.Contains(command, host) {
		out = strings.NewReplacer(s.addr["submissions"], host+":465", s.addr["submission"], host+":587", s.addr["smtp"], host+":25").Replace(out)
	}
	out = ownMachine.ReplaceAllString(out, "") // the page's server is elsewhere
	out = longTest.ReplaceAllString(plainTimes(out), "${1}1 ms")
	out = queueID.ReplaceAllString(out, "queued as 217083C8C1")
	out = seconds.ReplaceAllString(out, "time=0.001s")
	return reportTime.ReplaceAllString(out, `$1="0.001"`)
}

// pageFolder holds what the pages take for granted: the CA, the password,
// certificates of the client's and of a renewal, and programs that mean the
// site's Postfix.
func (s site) pageFolder(t *testing.T) string {
	t.Helper()
	client, err := server.MakeCertificate(server.CertificateOptions{Client: true})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"ca.pem": s.ca, "pw.txt": lab.Password + "\n",
		"letter.eml": "Subject: test\n\nHi\n", "a.pdf": "%PDF", "client.pem": string(client.CertPEM), "client.key": string(client.KeyPEM)}
	// What a page does to its Postfix is done to the lab's, and never to this machine's.
	for _, program := range []string{"postconf", "postfix", "postqueue"} {
		files["bin/"+program] = "#!/bin/sh\necho no Postfix of the test\nexit 1\n"
	}
	if s.lab != nil {
		served, err := os.ReadFile(s.lab.CertificateFile())
		if err != nil {
			t.Fatal(err)
		}
		files["mail.pem"], files["renewed.pem"] = string(served), string(client.CertPEM)
		etc := filepath.Join(s.lab.Dir(), "etc")
		// A main.cf younger than two seconds makes every Postfix program wait.
		files["bin/postconf"] = "#!/bin/sh\n/usr/sbin/postconf -c " + etc + " \"$@\" && touch -d '1 minute ago' " + etc + "/main.cf\n"
		files["bin/postqueue"] = "#!/bin/sh\nexec /usr/sbin/postqueue -c " + etc + " \"$@\"\n"
		files["bin/postfix"] = "#!/bin/sh\nexec /usr/sbin/postfix -c " + etc + " \"$@\"\n"
	}
	dir := t.TempDir()
	for name, text := range files {
		writeIn(t, dir, name, text)
	}
	return dir
}

func writeIn(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// runElsewhere are the tests of the pages that are not for a site.
var runElsewhere = map[string]string{"swaks": "TestSwaksCommands", "ci": "TestPipelines", "editor": "testdata/script/check_json.txtar, and init.txtar"}

// TestGuides runs the guides, a page in a folder of its own and its blocks in
// their order: files are written, commands run, and what they print compared
// with what the page shows. -update writes that into the page.
func TestGuides(t *testing.T) {
	sites := map[string]func(*testing.T) site{"from-expect": demoSite, "from-s_client": demoSite, "recipes": postfixSite, "reports": demoSite, "start": demoSite}
	for _, name := range guideNames() {
		start := sites[name]
		if start == nil && runElsewhere[name] == "" {
			t.Errorf("%s is run by no test", name)
		}
		if start == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &reader{t: t, site: start(t)}
			r.dir = r.site.pageFolder(t)
			page := guide(name)
			for _, b := range fencedBlocks(page) {
				if shown := r.read(b); shown != b.text && *update {
					page = strings.Replace(page, "```"+b.kind+"\n"+b.text+"```", "```"+b.kind+"\n"+shown+"```", 1)
				}
			}
			if r.ran == 0 {
				t.Error("nothing was run")
			}
			if *update && page != guide(name) {
				writeIn(t, "docs", name+".md", page)
			}
		})
	}
}

// asked are commands that need neither a server nor a file.
var asked = regexp.MustCompile(`^smtplay (?:docs|explain|init|help|version|diff --masks|report --schema)\b|^smtplay \w+ --help$`)

// TestPagesProse runs the commands in the prose and the tables of all pages that
// can be run anywhere; of the others the flags are looked for.
func TestPagesProse(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{"README": string(readme), "docs": dsl.Reference()}
	for _, name := range guideNames() {
		pages[name] = guide(name)
	}
	ran := 0
	for name, page := range pages {
		for _, m := range codeSpan.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
			line := strings.ReplaceAll(m[1], "\n", " ")
			if !strings.HasPrefix(line, "smtplay ") || placeholder.MatchString(line) {
				continue
			}
			if !strings.HasSuffix(line, " --help") {
				wantFlags(t, line)
			}
			if !asked.MatchString(line) {
				continue
			}
			ran++
			if out, exit := inFolder(t, t.TempDir(), line); exit != 0 || out == "" {
				t.Errorf("%s: %s: exit status %d\n%s", name, line, exit, out)
			}
		}
	}
	if ran < 30 {
		t.Errorf("%d commands, want more", ran)
	}
}

// placeholder is an operand that the reader has to put in.
var placeholder = regexp.MustCompile(` (?:[A-Z]+|"…")(?: |$)`)

// A reader does what a page says.
type reader struct {
	t    *testing.T
	site site
	dir  string
	gone string // what EHLO no longer offers after the edit that was made
	ran  int
}

// read does what a block says, and returns the block as it should be.
func (r *reader) read(b block) string {
	switch {
	case b.kind == "console":
		return r.console(b.text)
	case b.kind == "crontab":
		r.crontab(b.text)
	case b.kind == "yaml":
		r.yaml(b.text)
	case b.kind == "lua" && b.name == "":
		if _, problems := dsl.Compile(filepath.Join(r.dir, "t.lua"), []byte(b.text)); len(problems) > 0 {
			r.t.Errorf("%s: %v", b.text, problems)
		}
	case b.name != "":
		text := b.text
		if b.kind == "tcl" {
			text = r.site.there(text)
		}
		writeIn(r.t, r.dir, b.name, text)
	case b.kind == "text":
		for line := range strings.Lines(b.text) {
			if _, command, ok := strings.Cut(line, "smtplay run"); ok {
				wantFlags(r.t, "smtplay run"+command)
			}
		}
	default:
		r.t.Errorf("a block of the kind %q is read by nobody", b.kind)
	}
	return b.text
}

// console runs commands, each behind "$ ", and compares what they print.
func (r *reader) console(text string) string {
	var page strings.Builder
	for _, c := range strings.Split("\n"+text, "\n$ ")[1:] {
		line, shown, _ := strings.Cut(c, "\n")
		page.WriteString("$ " + line + "\n")
		shown = strings.TrimSpace(shown)
		if word, _, _ := strings.Cut(line, " "); word == "openssl" && !installed("openssl") || word == "expect" && !installed("expect", "telnet") {
			r.t.Logf("%s is not installed: not run: %s", word, line)
			continue
		}
		if word, _, _ := strings.Cut(line, " "); word == "cd" || word == "export" {
			r.t.Errorf("%s: who types it is in another folder, or has another environment, from there on", line)
		}
		out, exit := inFolder(r.t, r.dir, r.site.there(line))
		r.ran++
		got := strings.TrimRight(r.site.asShown(line, out), "\n")
		if want := statusOf(line, shown); exit != want && !*update {
			r.t.Errorf("%s: exit status %d, want %d\n%s", line, exit, want, got)
		}
		if !printed(got, shown) {
			if !*update {
				r.t.Errorf("%s\nprints\n%s\nthe page says\n%s", line, got, shown)
			}
			shown = got
		}
		if shown != "" {
			page.WriteString(shown + "\n")
		}
		r.edited(line)
	}
	return page.String()
}

func installed(programs ...string) bool {
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			return false
		}
	}
	return true
}

// printed compares; a line … of the page stands for any number of lines, and … at
// the end of a line for its rest.
func printed(got, shown string) bool {
	expr := strings.ReplaceAll(regexp.QuoteMeta("\n"+shown+"\n"), "\n…", "(?:\n.*)*")
	expr = strings.ReplaceAll(expr, "…", ".*")
	return regexp.MustCompile("^" + expr + "$").MatchString("\n" + got + "\n")
}

var differs = regexp.MustCompile(`[1-9]\d* of \d+ transcripts? changed`)

// statusOf is how a command must end that prints this.
func statusOf(line, shown string) int {
	switch {
	case !strings.HasPrefix(line, "smtplay "), strings.Contains(line, "|"):
		return 0
	case strings.Contains(shown, "FAIL "), differs.MatchString(shown) && !strings.Contains(line, "--accept"):
		return exitFailed
	case strings.HasPrefix(shown, "SMTPLAY CRITICAL"):
		return 2
	}
	return 0
}

// edited waits until a Postfix that was reloaded shows what was edited.
func (r *reader) edited(line string) {
	switch {
	case strings.Contains(line, "smtpd_tls_auth_only=yes"):
		r.gone = "AUTH"
	case strings.Contains(line, "postfix reload") && r.gone != "":
		awaitReload(r.t, r.site.lab, r.gone)
	}
}

var schedule = regexp.MustCompile(`^(?:[-\d*/,]+\s+){5}(\S.*)`)

// crontab runs the commands of a crontab: all passes, so they say nothing.
func (r *reader) crontab(text string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		m := schedule.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || strings.Contains(line, "%") {
			r.t.Errorf("no line of a crontab: %s", line)
			continue
		}
		r.ran++
		if out, exit := inFolder(r.t, r.dir, r.site.there(m[1])); exit != 0 || out != "" {
			r.t.Errorf("%s: exit status %d\n%s", m[1], exit, out)
		}
		if !strings.Contains(m[1], "echo") {
			continue
		}
		if out, _ := inFolder(r.t, r.dir, strings.Replace(r.site.there(m[1]), " tests/", " missing/", 1)); out == "" {
			r.t.Errorf("%s: says nothing when it fails", m[1])
		}
	}
}

// yaml parses, and runs what are commands of ours.
func (r *reader) yaml(text string) {
	var document any
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		r.t.Errorf("%v\n%s", err, text)
	}
	for _, command := range texts(document) {
		if !strings.HasPrefix(command, "smtplay ") {
			continue
		}
		machines := 1
		if strings.Contains(command, "--shard ") {
			machines = 4 // as the pages have it
		}
		for machine := range machines {
			r.ran++
			mine := strings.NewReplacer("${{ matrix.part }}", strconv.Itoa(machine+1)).Replace(r.site.there(command))
			out, exit := inFolder(r.t, r.dir, fmt.Sprintf("export SMTPLAY_SECRET_password=%s CI_NODE_INDEX=%d CI_NODE_TOTAL=%d; %s", lab.Password, machine+1, machines, mine))
			if exit != 0 {
				r.t.Errorf("%s: exit status %d\n%s", command, exit, out)
			}
		}
	}
}

// texts are all strings in a YAML document, in the order of its keys.
func texts(v any) []string {
	var all []string
	switch v := v.(type) {
	case string:
		all = append(all, v)
	case []any:
		for _, e := range v {
			all = append(all, texts(e)...)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = append(all, texts(v[key])...)
		}
	}
	return all
}

// TestGuidesNamed: the README's table has every guide, by its title.
func TestGuidesNamed(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range guideNames() {
		title, _, _ := strings.Cut(strings.TrimPrefix(guide(name), "# "), "\n")
		if row := "| [" + name + "](cmd/smtplay/docs/" + name + ".md) | " + title + " |\n"; !strings.Contains(string(readme), row) {
			t.Errorf("the README lacks %s", row)
		}
	}
}
