package lab

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"smtplay/engine/lab/daemon"
)

// services are the parts of master.cf beside the listeners and what is Outbound. None makes a network connection:
// what is not hosted is kept in a folder by a virtual(8) under another name. Each service
// that smtpd may ask is here, as it waits minutes for one that is not, and "postqueue -f" wants a pickup. chroot is off
// everywhere, or each would need its own copy of the maps.
const services = `
pickup    unix        n  -  n  60     1  pickup
cleanup   unix        n  -  n  -      0  cleanup
qmgr      unix        n  -  n  300    1  qmgr
tlsmgr    unix        -  -  n  1000?  1  tlsmgr
rewrite   unix        -  -  n  -      -  trivial-rewrite
bounce    unix        -  -  n  -      0  bounce
defer     unix        -  -  n  -      0  bounce
trace     unix        -  -  n  -      0  bounce
verify    unix        -  -  n  -      1  verify
flush     unix        n  -  n  1000?  0  flush
proxymap  unix        -  -  n  -      -  proxymap
showq     unix        n  -  n  -      -  showq
error     unix        -  -  n  -      -  error
retry     unix        -  -  n  -      -  error
virtual   unix        -  n  n  -      -  virtual
local     unix        -  n  n  -      -  virtual -o virtual_mailbox_maps=static:local/
sink      unix        -  n  n  -      -  virtual -o virtual_mailbox_maps=static:sink/
anvil     unix        -  -  n  -      1  anvil
postlog   unix-dgram  n  -  n  -      1  postlogd
`

// mainCF is the text of main.cf: the tutorial's server, with the settings of the options in the place
// of ours, as Postfix would warn of a name that comes twice.
func (p *Postfix) mainCF(o *Options) string {
	settings := [][2]string{
		{"compatibility_level", "3.6"},
		{"queue_directory", p.path("queue")},
		{"data_directory", p.path("data")},
		{"maillog_file", p.path(logFile)},
		{"maillog_file_prefixes", p.dir},
		{"inet_protocols", protocols(o)},
		{"inet_interfaces", "loopback-only"},
		{"disable_dns_lookups", "yes"},
		{"smtpd_peername_lookup", "no"},

		{"myhostname", Hostname},
		{"mydestination", "$myhostname, localhost"},
		// Nobody is trusted for the address alone; the listener "local" says otherwise.
		{"mynetworks", ""},
		{"smtpd_banner", "$myhostname ESMTP $mail_name"},
		// As the tutorial's server announces it.
		{"message_size_limit", "30720000"},
		// Reports to the postmaster would stand among the messages that a test looks for.
		{"notify_classes", ""},
		// The second that each message waits while deliveries lag behind is for busy servers.
		{"in_flow_delay", "0"},

		{"local_recipient_maps", "inline:{postmaster=x, root=x}"},
		{"alias_maps", ""},
		{"alias_database", ""},
		{"virtual_mailbox_domains", strings.Join(hostedDomains(o.mailboxes()), ", ")},
		{"virtual_mailbox_maps", "texthash:" + p.path("etc", "mailboxes")},
		// Each domain has a postmaster (RFC 5321, 4.5.1).
		{"virtual_alias_maps", "inline:{" + o.aliases() + "}"},
		{"virtual_mailbox_base", p.path("mail")},
		{"virtual_minimum_uid", "1"},
		{"virtual_uid_maps", fmt.Sprintf("static:%d", p.install.uid)},
		{"virtual_gid_maps", fmt.Sprintf("static:%d", p.install.gid)},
		{"transport_maps", "texthash:" + p.path("etc", "transport")},
		{"default_transport", "sink"},
		{"relay_transport", "sink"},
		{"local_transport", "local"},

		// As today's Postfix has it; up to 3.8 its default was "no".
		{"smtpd_forbid_bare_newline", "normalize"},

		// Postfix's own last word would be defer_unauth_destination, a 454.
		{"smtpd_relay_restrictions", "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"},

		{"smtpd_sasl_auth_enable", "yes"},
		{"smtpd_sasl_type", "cyrus"},
		{"smtpd_sasl_path", "smtpd"},
		{"smtpd_sasl_security_options", "noanonymous"},
		{"cyrus_sasl_config_path", p.path("etc", "sasl")},
		{"broken_sasl_auth_clients", "yes"},

		{"smtpd_tls_security_level", "may"},
		{"smtpd_tls_auth_only", "yes"},
		{"smtpd_tls_chain_files", p.KeyFile() + ", " + p.CertificateFile()},
		{"smtpd_tls_loglevel", "1"},
		{"smtpd_tls_received_header", "yes"},
	}
	if o.Retry > 0 {
		wait := fmt.Sprintf("%ds", int64((o.Retry+time.Second-1)/time.Second))
		for _, name := range []string{"minimal_backoff_time", "maximal_backoff_time", "queue_run_delay"} {
			settings = append(settings, [2]string{name, wait})
		}
	}
	extra := maps.Clone(o.MainCF)
	var text strings.Builder
	for _, s := range settings {
		if value, found := extra[s[0]]; found {
			s[1] = value
			delete(extra, s[0])
		}
		fmt.Fprintf(&text, "%s = %s\n", s[0], s[1])
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		fmt.Fprintf(&text, "%s = %s\n", name, extra[name])
	}
	return text.String()
}

// masterCF is the text of master.cf.
func (p *Postfix) masterCF(o *Options) string {
	var text strings.Builder
	for _, l := range o.listeners() {
		if l.Family == Unix {
			fmt.Fprintf(&text, "%s unix n - n - - smtpd\n", l.Name)
		} else {
			fmt.Fprintf(&text, "%s inet n - n - - smtpd\n", p.ports[l.Name].Addr)
		}
		fmt.Fprintf(&text, "  -o { syslog_name = postfix/%s }\n", l.Name)
		writeSettings(&text, l.Settings)
	}
	text.WriteString(services)
	for _, b := range o.Outbound {
		text.WriteString(p.master(&b))
	}
	return text.String()
}

// protocols are the families that the listeners need: with IPv6 on, Postfix
// would fail on a machine that has none.
func protocols(o *Options) string {
	if slices.ContainsFunc(o.listeners(), func(l Listener) bool { return l.Family == IPv6 }) {
		return "all"
	}
	return "ipv4"
}

// hostedDomains are the domains of the addresses, each once.
func hostedDomains(mailboxes []string) []string {
	var domains []string
	for _, address := range mailboxes {
		_, domain, _ := strings.Cut(address, "@")
		domains = append(domains, domain)
	}
	slices.Sort(domains)
	return slices.Compact(domains)
}

// aliases are those of the options, and those that lead the postmaster of each domain to the server's
// own, unless it is an alias or a mailbox itself.
func (o *Options) aliases() string {
	var all []string
	for _, alias := range slices.Sorted(maps.Keys(o.Aliases)) {
		all = append(all, alias+"="+o.Aliases[alias])
	}
	for _, domain := range hostedDomains(o.mailboxes()) {
		address := "postmaster@" + domain
		if _, found := o.Aliases[address]; !found && !slices.Contains(o.mailboxes(), address) {
			all = append(all, address+"=postmaster@"+Hostname)
		}
	}
	return strings.Join(all, ", ")
}

// mailboxMap is the table from address to maildir, below virtual_mailbox_base.
func mailboxMap(mailboxes []string) string {
	var text strings.Builder
	for _, address := range mailboxes {
		name, domain, _ := strings.Cut(address, "@")
		fmt.Fprintf(&text, "%s %s/%s/\n", address, domain, name)
	}
	return text.String()
}

// writeConfiguration brings the files below etc and tls to what the options say.
func (p *Postfix) writeConfiguration(o *Options) error {
	if err := p.writeCertificate(o.Certificate); err != nil {
		return err
	}
	files := map[string]string{
		"main.cf":         p.mainCF(o),
		"master.cf":       p.masterCF(o),
		"mailboxes":       mailboxMap(o.mailboxes()),
		"sasl/smtpd.conf": p.saslConfiguration(o),
	}
	for name, text := range files {
		if err := writeOld(p.path("etc", name), text); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	if err := p.makeMaildirs(o.mailboxes()); err != nil {
		return err
	}
	return p.writeOutbound(o)
}

// writeOld writes a file and dates it back: each Postfix program sleeps while main.cf is
// younger than two seconds, lest it read one that is still being edited.
func writeOld(path, text string) error {
	if err := daemon.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	old := time.Now().Add(-time.Minute)
	return os.Chtimes(path, old, old)
}

// path is a file of this server.
func (p *Postfix) path(parts ...string) string {
	return filepath.Join(append([]string{p.dir}, parts...)...)
}
