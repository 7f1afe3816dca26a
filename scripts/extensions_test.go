package scripts_test

import (
	"slices"
	"testing"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// The tests of extensions, which skip where they are not offered.
var (
	sizeTests   = []string{"scripts/size-limit.lua: more than that is refused at MAIL", "scripts/size-limit.lua: just as much is not"}
	reportTests = []string{"scripts/delivery-reports.lua: what is asked for is taken", "scripts/delivery-reports.lua: a report that there is not is refused at MAIL", "scripts/delivery-reports.lua: and at RCPT"}
	utf8Tests   = []string{"scripts/smtputf8.lua"}
)

// TestLarge: a message that is too large is sent where it is asked for, and
// nobody gets it.
func TestLarge(t *testing.T) {
	t.Parallel()
	runbook := []string{"size-limit.lua"}
	p := labtest.Private(t, lab.Options{MainCF: map[string]string{"message_size_limit": "300000"}})
	wantSound(t, postfixSite(t, p).run(t, runbook, "large=yes"))
	if all, err := p.Messages(); err != nil || len(all) > 0 {
		t.Errorf("%d messages were delivered, %v", len(all), err)
	}
	s, d := demoSite(t)
	wantSound(t, s.run(t, runbook, "large=yes"))
	if n := d.Count(); n != 0 {
		t.Errorf("%d messages were taken", n)
	}
}

// TestExtensionsCatch: faults that no setting of Postfix has.
func TestExtensionsCatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		reason       string
		capabilities []string
		on           server.Answers
		caught       catch
	}{
		{"the limit does not hold", []string{"SIZE 20000"}, nil, catch{"size-limit.lua", "data(message{ from = sender", "expected 552, got 250"}},
		{"nor at MAIL", []string{"SIZE 20000"}, nil, catch{"size-limit.lua", "size = limit + 1,", "expected 552, got 250"}},
		{"it is refused for now only", []string{"SIZE 20000"}, server.Answers{".": server.Say("452 4.3.1 later")}, catch{"size-limit.lua", "data(message{ from = sender", "expected 552, got 452"}},
		{"reports are refused", []string{"DSN"}, server.Answers{"mail": server.Say("555 5.5.4 what")}, catch{"delivery-reports.lua", "mail(sender, { ret", "got 555"}},
		{"nonsense is taken", []string{"DSN"}, nil, catch{"delivery-reports.lua", "RET=NOTHING", "expected 5xx, got 250"}},
		{"the sender is refused", []string{"SMTPUTF8", "8BITMIME"}, server.Answers{"mail": server.Say("553 5.6.7 what")}, catch{"smtputf8.lua", "mail(sender", "got 553 5.6.7"}},
	} {
		t.Run(test.reason, func(t *testing.T) {
			polite := server.Polite{Capabilities: test.capabilities, On: test.on}
			s := site{targets: map[string]string{"smtp": server.Start(t, polite.Serve).Addr()}}
			test.caught.want(t, s.run(t, []string{test.caught.runbook}, "large=yes"))
		})
	}
}

// TestExtensionsSkip: what is not offered is not looked for, and the reason says so.
func TestExtensionsSkip(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		offers  string
		runbook string
		tests   []string
		reason  string
	}{
		{"DSN", "size-limit.lua", append(slices.Clone(sizeTests), "scripts/size-limit.lua: a message that is larger is refused"), "the server does not offer SIZE"},
		{"SIZE 0", "size-limit.lua", append(slices.Clone(sizeTests), "scripts/size-limit.lua: a message that is larger is refused"), "the server declares no limit (RFC 1870, 4: SIZE 0 is none)"},
		{"SIZE", "size-limit.lua", append(slices.Clone(sizeTests), "scripts/size-limit.lua: a message that is larger is refused"), "the server declares no limit (RFC 1870, 4: SIZE 0 is none)"},
		{"SIZE", "delivery-reports.lua", reportTests, "the server does not offer DSN"},
		{"SIZE", "smtputf8.lua", utf8Tests, "the server does not offer SMTPUTF8"},
	} {
		polite := server.Polite{Capabilities: []string{test.offers}}
		s := site{targets: map[string]string{"smtp": server.Start(t, polite.Serve).Addr()}}
		results := s.run(t, []string{test.runbook}, "large=yes")
		wantSound(t, results, test.tests...)
		for _, r := range results {
			if r.Outcome == suite.Skipped && r.Reason != test.reason {
				t.Errorf("%v: skipped for %q", r.Test, r.Reason)
			}
		}
	}
}
