package scripts_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"smtplay/dsl"
	"smtplay/engine/lab"
	"smtplay/engine/lab/daemon"
	"smtplay/engine/lab/dovecot"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/scripts"
)

// ends is a Postfix that sends the mail of example.net to the target mx, and what
// the runbooks that hold both ends are told of it.
type ends struct {
	site
	vars   []string
	server *lab.Postfix
}

// bothEnds starts one; the settings are those of its client, which may call the
// authority's file $ca.
func bothEnds(t *testing.T, edit func(*lab.Options), settings ...string) ends {
	t.Helper()
	reserved, err := daemon.ReservePort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reserved.Close)
	ca := authority(t)
	for i := range settings {
		settings[i] = strings.ReplaceAll(settings[i], "$ca", ca[0])
	}
	o := lab.Options{MainCF: map[string]string{}, MasterArgs: map[string][]string{}, Retry: time.Second,
		Outbound: []lab.Outbound{{Domain: "example.net", Address: reserved.Addr, Settings: settings}}}
	edit(&o)
	p := labtest.Private(t, o)
	e := ends{site: postfixSite(t, p), server: p}
	e.targets["mx"] = reserved.Addr
	e.allow = suite.Permissions{Exec: true, Read: []string{p.Dir()}}
	e.vars = []string{"send=yes", "retry_within=20s", "inbox=" + p.Maildir(lab.User), "mail_log=" + p.LogFile(),
		"flush=postqueue -c " + filepath.Join(p.Dir(), "etc") + " -f", "mx_ca=" + ca[0], "mx_ca_key=" + ca[1], "patience=10s"}
	return e
}

// runQueue has the queue run every second while the test goes on. A scan of Postfix's own
// that meets a message while it is still being delivered leaves that for minutes.
func runQueue(t *testing.T, p *lab.Postfix) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		every := time.NewTicker(time.Second)
		defer every.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-every.C:
				if err := p.Flush(ctx); err != nil && ctx.Err() == nil {
					t.Errorf("the queue does not run: %v", err)
					return
				}
			}
		}
	})
	t.Cleanup(running.Wait)
	t.Cleanup(stop)
}

// authority makes an authority, and files with its certificate and its key.
func authority(t *testing.T) (files [2]string) {
	t.Helper()
	ca, err := server.MakeCA(server.AuthorityOptions{NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	key, err := ca.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i, text := range [][]byte{ca.PEM(), key} {
		files[i] = filepath.Join(dir, []string{"ca.pem", "ca.key"}[i])
		if err := os.WriteFile(files[i], text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

var (
	secure = []string{"smtp_tls_security_level=secure", "smtp_tls_secure_cert_match=mx.example.net", "smtp_tls_CAfile=$ca"}
	hasty  = []string{"smtp_data_init_timeout=1s"}
)

// relays has the client log in.
func relays(password string) func(*lab.Options) {
	return func(o *lab.Options) { o.Outbound[0].User, o.Outbound[0].Password = "smtplay", password }
}

// TestBothEnds: a sound Postfix, seen from both of its ends.
func TestBothEnds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		reason   string
		edit     func(*lab.Options)
		settings []string
		vars     []string
		runbooks []string
		skipped  []string
	}{
		{"opportunistic TLS", nothing, hasty, nil, []string{"deferred-mail-is-tried-again.lua", "mx-that-breaks-off-loses-nothing.lua", "mail-leaves-encrypted.lua",
			"refused-mail-bounces.lua", "refused-after-data.lua", "mail-arrives.lua"}, nil},
		{"nothing but the targets is told", nothing, nil, []string{"flush=", "mail_log=", "patience="}, []string{"deferred-mail-is-tried-again.lua", "mx-that-breaks-off-loses-nothing.lua"},
			[]string{"scripts/mx-that-breaks-off-loses-nothing.lua: it hangs up in place of a greeting", "scripts/mx-that-breaks-off-loses-nothing.lua: it says nothing"}},
		{"verified TLS", nothing, secure, nil, []string{"bad-certificate-stops-delivery.lua"}, nil},
		{"a relayhost", relays(lab.Password), secure, []string{"relay_user=smtplay"}, []string{"relayhost-login.lua"}, nil},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			e := bothEnds(t, row.edit, slices.Clone(row.settings)...)
			if slices.Contains(row.vars, "flush=") {
				runQueue(t, e.server)
			}
			wantSound(t, e.run(t, row.runbooks, append(e.vars, row.vars...)...), row.skipped...)
		})
	}
}

// TestMailArrives: in an mbox, and by IMAP in a Dovecot behind Postfix.
func TestMailArrives(t *testing.T) {
	t.Parallel()
	t.Run("mbox", func(t *testing.T) {
		t.Parallel()
		e := bothEnds(t, setting("virtual_mailbox_maps", "inline:{"+lab.User+"=box}"))
		vars := []string{"send=yes", "mbox=" + filepath.Join(e.server.Dir(), "mail", "box")}
		wantSound(t, e.run(t, []string{"mail-arrives.lua", "refused-mail-bounces.lua"}, vars...))
	})
	t.Run("IMAP", func(t *testing.T) {
		t.Parallel()
		d := labtest.Dovecot(t, dovecot.Options{})
		e := bothEnds(t, func(o *lab.Options) {
			o.Outbound = append(o.Outbound, lab.Outbound{Domain: "new.example.com", Address: d.Addr("lmtp"), Protocol: lab.LMTP})
		})
		vars := []string{"send=yes", "imap_server=" + d.Addr("imap")}
		wantSound(t, e.run(t, []string{"mail-arrives-imap.lua", "refused-mail-bounces.lua", "refused-after-data.lua"}, vars...))
		e.only = "scripts/mail-arrives-imap.lua"
		// Taken, and delivered to another.
		if err := e.server.Reconfigure(t.Context(), func(o *lab.Options) { o.Outbound = o.Outbound[:1] }); err != nil {
			t.Fatal(err)
		}
		hurry := &hurried{t: t}
		hurry.want(e.site, catch{"mail-arrives-imap.lua", "inbox.by_imap(imap_server", "no"}, vars...)
	})
}

// hurried runs a runbook whose waits are cut short, as what they wait for never comes.
type hurried struct{ t *testing.T }

func (h *hurried) want(s site, c catch, vars ...string) {
	h.t.Helper()
	text, err := fs.ReadFile(scripts.FS, c.runbook)
	if err != nil {
		h.t.Fatal(err)
	}
	folder := fstest.MapFS{c.runbook: {Data: []byte(strings.ReplaceAll(string(text), `within = "30s"`, `within = "4s"`))}}
	for _, module := range []string{"mx", "inbox"} {
		name := "lib/" + module + ".lua"
		text, err := fs.ReadFile(scripts.FS, name)
		if err != nil {
			h.t.Fatal(err)
		}
		folder[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(text), "return log(file):expect(demand)", `demand.within = "4s"; return log(file):expect(demand)`))}
	}
	script, problems := dsl.CompileFS(folder, c.runbook, "scripts/"+c.runbook)
	if len(problems) > 0 {
		h.t.Fatalf("%v", problems)
	}
	c.want(h.t, s.play(h.t, []*dsl.Script{script}, vars...))
}

// bothEndsWrong is what can be wrong with a server that only who holds both ends sees.
var bothEndsWrong = []struct {
	reason   string
	edit     func(*lab.Options)
	settings []string
	vars     []string
	caught   catch
}{
	{"it is not tried again in time", func(o *lab.Options) { o.Retry = 0 }, nil, []string{"flush=", "retry_within=2s"},
		catch{"deferred-mail-is-tried-again.lua", "local second = mx.take", "nobody connected to mx"}},
	{"what is put off is given up", setting("maximal_queue_lifetime", "0"), nil, []string{"retry_within=3s"},
		catch{"deferred-mail-is-tried-again.lua", "local second = mx.take", "nobody connected to mx"}},
	{"the mail goes elsewhere", setting("transport_maps", ""), nil, nil,
		catch{"deferred-mail-is-tried-again.lua", "local first = mx.take", "nobody connected to mx"}},
	{"the Received line is taken out", setting("header_checks", "regexp:{{/^Received:/ IGNORE}}"), nil, nil,
		catch{"deferred-mail-is-tried-again.lua", `hop.with ~= "ESMTPSA"`, "which the first Received line does not say"}},
	{"the envelope is rewritten", setting("sender_canonical_maps", "inline:{"+lab.User+"=nobody@new.example.com}"), nil, nil,
		catch{"deferred-mail-is-tried-again.lua", "second:expect{ from = user", "nobody@new.example.com"}},

	{"mail is sent in clear", nothing, []string{"smtp_tls_security_level=none"}, nil, catch{"mail-leaves-encrypted.lua", "tls = true", "TLS"}},

	{"no certificate is verified", nothing, []string{"smtp_tls_security_level=may"}, nil, catch{"bad-certificate-stops-delivery.lua", "fail(", "sends mail all the same"}},
	{"TLS is wanted, whoever it is with", nothing, []string{"smtp_tls_security_level=encrypt"}, nil, catch{"bad-certificate-stops-delivery.lua", "fail(", "sends mail all the same"}},
	{"the name is not looked at", nothing, []string{"smtp_tls_security_level=verify", "smtp_tls_verify_cert_match=other.example.net, mx.example.net", "smtp_tls_CAfile=$ca"}, nil,
		catch{"bad-certificate-stops-delivery.lua", "fail(", "the certificate is other-name, and"}},
	{"the authority is not trusted", nothing, secure[:2], nil, catch{"bad-certificate-stops-delivery.lua", "mx.take(good, to", "no MAIL was accepted"}},

	{"reports are not written", setting("bounce_service_name", "discard"), nil, []string{"mail_log="}, catch{"refused-mail-bounces.lua", `box:expect{ report = { ["Final-Recipient"]`, ""}},
	{"a refusal is for now only", setting("soft_bounce", "yes"), nil, nil, catch{"refused-mail-bounces.lua", `status = "bounced"`, "has no entry with queue id"}},
	{"a refusal of a message is for now only", setting("soft_bounce", "yes"), nil, []string{"mail_log="}, catch{"refused-after-data.lua", `box:expect{ report = { ["Final-Recipient"]`, ""}},

	{"the relayhost is not logged in to", nothing, secure, []string{"relay_user=smtplay"}, catch{"relayhost-login.lua", "user = relay_user", "user"}},
	{"with another password", relays("another"), secure, []string{"relay_user=smtplay"}, catch{"relayhost-login.lua", "user = relay_user", "user"}},

	{"what breaks off is given up", setting("maximal_queue_lifetime", "0"), nil, []string{"retry_within=3s"}, catch{"mx-that-breaks-off-loses-nothing.lua", "{ within = retry_within }", "nobody connected to mx"}},
	{"a silent server is waited for", nothing, []string{"smtp_data_init_timeout=60s"}, []string{"patience=2s"}, catch{"mx-that-breaks-off-loses-nothing.lua", "mx.take(there, to, { [phase]", "did not end its session in 2s"}},

	{"taken, and delivered to another", setting("virtual_mailbox_maps", "inline:{"+lab.User+"=elsewhere/}"), nil, nil, catch{"mail-arrives.lua", `:expect{ subject = "It arrives "`, ""}},
}

// TestBothEndsCatch: each fails on the line that names the fault.
func TestBothEndsCatch(t *testing.T) {
	t.Parallel()
	for _, row := range bothEndsWrong {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			e := bothEnds(t, row.edit, slices.Clone(row.settings)...)
			(&hurried{t}).want(e.site, row.caught, append(e.vars, row.vars...)...)
		})
	}
}
