package scripts_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
)

// owners says whose addresses are whose, and holds users and strangers to it.
var owners = both(setting("smtpd_sender_login_maps", "inline:{james@new.example.com=james@new.example.com, boss@new.example.com=boss@new.example.com}"),
	setting("smtpd_sender_restrictions", "reject_sender_login_mismatch"))

var (
	boss    = []string{"other_sender=boss@new.example.com"}
	another = []catch{{"sender-not-the-logins.lua", `login()⏎expect_refusal{ from = other`, "the address is not the user's"}}
)

var mondays = []misconfiguration{
	// Relaying.
	{reason: "an open relay", edit: at("smtp", "mynetworks=127.0.0.0/8"), caught: []catch{{"relay-refused-odd-spellings.lua", "expect{ relay_refusal", "got 250 2.1.5"}}},
	{reason: "the routes of old", edit: both(setting("virtual_mailbox_domains", ""), setting("relay_domains", "new.example.com"), setting("allow_untrusted_routing", "yes")), caught: []catch{
		{"relay-refused-odd-spellings.lua", "expect{ relay_refusal", "got 250 2.1.5"}}},
	{reason: "a stranger whom XCLIENT names is one of us", edit: both(setting("smtpd_authorized_xclient_hosts", "127.0.0.0/8"), setting("mynetworks", "203.0.113.0/24")), caught: []catch{
		{"relay-refused-odd-spellings.lua", "expect{ relay_refusal", "got 250 2.1.5"}}},

	// Who must be let in.
	{reason: "mail from nobody is refused", edit: setting("smtpd_sender_restrictions", "check_sender_access inline:{<>=REJECT}"), caught: []catch{
		{"null-sender-accepted.lua", "rcpt(known", "bounces must find home"},
		{"postmaster-accepted.lua", `because = "a bounce for the postmaster`, "got 554 5.7.1"}}},
	{reason: "mail from nobody is refused at MAIL", edit: both(setting("smtpd_sender_restrictions", "check_sender_access inline:{<>=REJECT}"), setting("smtpd_delay_reject", "no"), users("smtpd_client_restrictions=")), caught: []catch{
		{"null-sender-accepted.lua", `mail ""`, "554 5.7.1"}}},
	{reason: "the hosted domain has no postmaster", edit: setting("virtual_alias_maps", ""), caught: []catch{
		{"postmaster-accepted.lua", `because = "every server has a postmaster`, "got 550 5.1.1"}}},
	{reason: "the postmaster of each domain is on a list", edit: setting("smtpd_recipient_restrictions", "check_recipient_access inline:{postmaster@=REJECT}"), caught: []catch{
		{"postmaster-accepted.lua", `because = "every server has a postmaster`, "got 554 5.7.1"}}},

	// Senders.
	{reason: "users write as anybody", edit: setting("smtpd_sender_restrictions", ""), vars: boss, caught: another},
	{reason: "strangers are held to it, users are not", edit: both(owners, setting("smtpd_sender_restrictions", "reject_unauthenticated_sender_login_mismatch")), vars: boss, caught: another},
	{reason: "users are held to it, strangers are not", edit: both(owners, setting("smtpd_sender_restrictions", "reject_authenticated_sender_login_mismatch")), vars: boss, caught: []catch{
		{"sender-not-the-logins.lua", `outside(helo)⏎expect_refusal{ from = other`, "must log in"}}},
	{reason: "the user's own address is another's", edit: both(owners, setting("smtpd_sender_login_maps", "inline:{james@new.example.com=boss@new.example.com, boss@new.example.com=boss@new.example.com}")), vars: boss, caught: []catch{
		{"sender-not-the-logins.lua", `mail(user); rcpt(known)`, "got 553 5.7.1"}}},
	{reason: "every stranger is refused, whoever writes", edit: both(owners, at("smtp", "smtpd_client_restrictions=reject")), vars: boss, caught: []catch{
		{"sender-not-the-logins.lua", `rcpt(known) -- it was that sender`, "got 554 5.7.1"}}},

	// Limits.
	{reason: "one error is one too many", edit: setting("smtpd_hard_error_limit", "1"), caught: []catch{
		{"errors-are-limited.lua", `expect{ "5xx", because = "there is no`, "nothing asked for"}}},
	{reason: "errors are never too many", edit: both(setting("smtpd_hard_error_limit", "1000"), setting("smtpd_error_sleep_time", "0")), vars: provoked, caught: []catch{
		{"errors-are-limited.lua", `fail("the server still listens`, "still listens after 30 errors"},
		{"logins-are-limited.lua", `fail("after "`, "after 30 wrong passwords"}}},

	// Greylisting.
	{reason: "nobody greylists", edit: func(*lab.Options) {}, vars: []string{"greylisting=1s", "retry_every=0.1"}, caught: []catch{
		{"greylisting.lua", "mail(stranger)", "got 250 2.1.5"}}},
	{reason: "a stranger is put off for ever", edit: setting("smtpd_recipient_restrictions", "check_recipient_access inline:{james@new.example.com=DEFER}"), vars: []string{"greylisting=1s", "retry_every=0.1"}, caught: []catch{
		{"greylisting.lua", "mail(stranger)", "got 450 4.7.1"}}},
	{reason: "a stranger is refused for good", edit: setting("smtpd_recipient_restrictions", "check_recipient_access inline:{james@new.example.com=REJECT}"), vars: []string{"greylisting=1s", "retry_every=0.1"}, caught: []catch{
		{"greylisting.lua", "mail(stranger)", "got 554 5.7.1"}}},
}

// TestSenders: a Postfix that knows whose addresses are whose.
func TestSenders(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{})
	wantSound(t, reconfigured(t, p, owners, nil).run(t, []string{"sender-not-the-logins.lua"}, boss...))
}

// TestLimits: a Postfix that ends a session after some errors, or takes no more
// AUTH from a client.
func TestLimits(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{})
	few := both(setting("smtpd_hard_error_limit", "5"), setting("smtpd_soft_error_limit", "4"), setting("smtpd_error_sleep_time", "0"))
	wantSound(t, reconfigured(t, p, few, nil).run(t, []string{"errors-are-limited.lua", "logins-are-limited.lua"}, provoked...))
	rate := both(setting("smtpd_client_auth_rate_limit", "3"), setting("smtpd_hard_error_limit", "1000"), setting("smtpd_error_sleep_time", "0"))
	wantSound(t, reconfigured(t, p, rate, nil).run(t, []string{"logins-are-limited.lua"}, provoked...))
}

// hangsUp answers a few wrong commands, and in place of an answer to the next one
// says these words and hangs up.
func hangsUp(after int, words ...string) server.Handler {
	return func(s *server.Session) {
		_ = s.Reply("220 server.example.com ESMTP")
		for errors := 0; s.Err() == nil; {
			line, err := s.ReadLine()
			switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); {
			case err != nil:
				return
			case verb == "EHLO", verb == "NOOP":
				_ = s.Reply("250 Ok")
			case verb == "QUIT":
				_ = s.Reply("221 bye")
				return
			case errors == after:
				for _, w := range words {
					_ = s.Reply(w)
				}
				return
			default:
				errors++
				_ = s.Reply("500 5.5.2 What?")
			}
		}
	}
}

// TestHangingUp: the ways in which servers end a session with too many errors.
func TestHangingUp(t *testing.T) {
	t.Parallel()
	for reason, h := range map[string]server.Handler{
		"without a word":   hangsUp(4),
		"with 421":         hangsUp(4, "421 4.7.0 Too many errors"),
		"with a 5xx":       hangsUp(4, "500 5.5.2 What?"),
		"with 5xx and 421": hangsUp(4, "500 5.5.2 What?", "421 4.7.0 Too many errors"),
	} {
		t.Run(reason, func(t *testing.T) {
			s := site{targets: map[string]string{"smtp": server.Start(t, h).Addr()}, timeout: 2 * time.Second}
			wantSound(t, s.run(t, []string{"errors-are-limited.lua"}, provoked...))
		})
	}
	polite := server.Polite{On: server.Answers{"xyzzy 5": server.Say("250 2.0.0 Ok")}}.Serve
	s := site{targets: map[string]string{"smtp": server.Start(t, polite).Addr()}, timeout: 2 * time.Second}
	catch{"errors-are-limited.lua", "fail(failure.message)", "got 250"}.want(t, s.run(t, []string{"errors-are-limited.lua"}, provoked...))
}

// greylist is a policy service (Postfix's SMTPD_POLICY_README) that puts each
// sender off until it has come often enough.
func greylist(t *testing.T, patience int) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	t.Cleanup(func() { listener.Close() })
	var mu sync.Mutex
	seen := map[string]int{}
	decide := func(sender string) string {
		mu.Lock()
		defer mu.Unlock()
		if seen[sender]++; seen[sender] <= patience {
			return "defer_if_permit Greylisted, come again"
		}
		return "dunno"
	}
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(t.Context(), func() { conn.Close() })
			all.Go(func() {
				defer stop()
				defer conn.Close()
				asked := map[string]string{}
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					if name, value, ok := strings.Cut(lines.Text(), "="); ok {
						asked[name] = value
						continue
					}
					fmt.Fprintf(conn, "action=%s\n\n", decide(asked["client_address"]+" "+asked["sender"]))
				}
			})
		}
	})
	return listener.Addr().String()
}

// TestGreylisting: a Postfix that asks a greylisting service, by XCLIENT and
// without.
func TestGreylisting(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{})
	ask := setting("smtpd_recipient_restrictions", "check_policy_service inet:"+greylist(t, 4))
	s := reconfigured(t, p, ask, nil)
	patient := []string{"greylisting=20s", "retry_every=0.05"}
	wantSound(t, s.run(t, []string{"greylisting.lua"}, patient...))
	s.targets["smtp"] = p.Addr("xclient")
	wantSound(t, s.run(t, []string{"greylisting.lua"}, patient...))
	once := setting("smtpd_recipient_restrictions", "check_policy_service inet:"+greylist(t, 1))
	hasty := catch{"greylisting.lua", "mail(stranger)", "got 250 2.1.5"}
	hasty.want(t, reconfigured(t, p, once, nil).run(t, []string{"greylisting.lua"}, patient...))
}
