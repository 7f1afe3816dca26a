package exim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"smtplay/engine/lab"
)

// rest is the configuration below the main settings: all that decides and delivers. No router asks the
// DNS and no transport makes a connection. The messages of the refusals are those of Exim's default
// configuration, but for what it has no rule for.
const rest = `
begin acl

mail:
  deny    condition = ${if match{$received_port}{\N^(SUBMISSION|SUBMISSIONS)$\N}}
          !encrypted = *
          message = 530 5.7.0 Must issue a STARTTLS command first
  accept

rcpt:
  accept  condition = ${if eq{$received_port}{LOCAL}}
  accept  authenticated = *
  deny    condition = ${if match{$received_port}{\N^(SUBMISSION|SUBMISSIONS)$\N}}
          message = 530 5.7.0 Authentication required
  require message = relay not permitted
          domains = +hosted
  require verify = recipient
  accept

prdr:
  deny    condition = ${if eq{$local_part@$domain}{FULL}}
          message = 552 5.2.2 mailbox is full
  accept

begin routers

local:
  driver = accept
  domains = HOSTNAME : localhost
  local_parts = postmaster : root
  transport = local

hosted:
  driver = accept
  domains = new.example.com
  local_parts = james : full
  transport = hosted

unknown:
  driver = redirect
  domains = +hosted
  allow_fail
  data = :fail: User unknown

sink:
  driver = accept
  transport = sink

begin transports

hosted:
  driver = appendfile
  maildir_format
  directory = DIR/mail/$domain_data/$local_part_data
  envelope_to_add
  return_path_add

local:
  driver = appendfile
  maildir_format
  directory = DIR/mail/local
  envelope_to_add
  return_path_add

sink:
  driver = appendfile
  maildir_format
  directory = DIR/mail/sink
  envelope_to_add
  return_path_add

begin authenticators

plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{USER}}{eq{$auth3}{PASSWORD}}}}
  server_set_id = $auth2

login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and{{eq{$auth1}{USER}}{eq{$auth2}{PASSWORD}}}}
  server_set_id = $auth1

cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${if eq{$auth1}{USER}{PASSWORD}fail}
  server_set_id = $auth1
`

// configuration is the text of exim.conf.
func (e *Exim) configuration() string {
	var interfaces []string
	for _, name := range e.Names() {
		interfaces = append(interfaces, "127.0.0.1."+e.PortOf(name))
	}
	settings := [][2]string{
		// Without the setuid bit, what delivers is started anew by whom the daemon has become.
		{"exim_path", e.program},
		{"deliver_drop_privilege", "true"},
		{"spool_directory", e.Path("spool")},
		{"log_file_path", e.Path("log", "%slog")},
		{"pid_file_path", e.Path("exim.pid")},
		{"keep_environment", ""},
		{"primary_hostname", lab.Hostname},
		{"local_interfaces", "<; " + strings.Join(interfaces, " ; ")},
		{"tls_on_connect_ports", e.PortOf("submissions")},
		{"hosts_proxy", "${if eq{$received_port}{" + e.PortOf("proxy") + "}{127.0.0.1}}"},
		{"disable_ipv6", "true"},
		// It would try for minutes to have a port that is taken.
		{"daemon_startup_retries", "0"},
		// Without an order there is no look into the DNS, also where PROXY names a client.
		{"host_lookup_order", ""},
		{"host_lookup", ""},
		{"rfc1413_hosts", ""},
		{"smtp_banner", "$primary_hostname ESMTP Exim $version_number"},
		{"message_size_limit", "30720000"},
		{"domainlist hosted", "new.example.com : " + lab.Hostname + " : localhost"},
		{"acl_smtp_mail", "mail"},
		{"acl_smtp_rcpt", "rcpt"},
		{"acl_smtp_data_prdr", "prdr"},
		{"prdr_enable", "true"},
		{"dsn_advertise_hosts", "*"},
		{"tls_advertise_hosts", "*"},
		{"tls_certificate", e.CertificateFile()},
		{"tls_privatekey", e.KeyFile()},
		{"auth_advertise_hosts", "${if eq{$tls_in_cipher}{}{}{*}}"},
	}
	if e.stapled {
		settings = append(settings, [2]string{"tls_ocsp_file", e.Path("tls", "staple.der")})
	}
	extra := maps.Clone(e.options.Main)
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
	text.WriteString(strings.NewReplacer(
		"SUBMISSIONS", e.PortOf("submissions"), "SUBMISSION", e.PortOf("submission"), "LOCAL", e.PortOf("local"),
		"HOSTNAME", lab.Hostname, "DIR", e.Dir(), "FULL", Full, "USER", lab.User, "PASSWORD", lab.Password,
	).Replace(rest))
	return text.String()
}
