package lab

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The tutorial's names, which the server has unless [Options] say otherwise.
const (
	// Hostname is the server's name, in its greeting and in its certificate.
	Hostname = "maila.example.com"
	// User is the login that AUTH accepts, and the one hosted mailbox.
	User = "james@new.example.com"
	// Password belongs to User.
	Password = "yourpassword"
)

// Options say how a server differs from the one that the package comment describes.
// The zero value is that one.
type Options struct {
	// Dir is the folder that holds the whole server. Empty means one of its own below
	// os.TempDir, removed by Stop. A folder that is given stays; it is made if absent, must be
	// in reach of Postfix's unprivileged users, and its path may hold no blanks or $ , { } : = #.
	Dir string
	// MainCF holds main.cf settings by name, for every listener. They replace
	// those of the lab, but what a listener says for itself with -o still wins.
	MainCF map[string]string
	// MasterArgs holds more -o settings, each "name=value", by listener name. They come after
	// the listener's own, so they win.
	MasterArgs map[string][]string
	// Listeners are further ports. One that has the name of a usual one replaces it.
	Listeners []Listener
	// Users are logins ("user@realm") and their passwords; nil means User with Password.
	Users map[string]string
	// Mechanisms are what AUTH offers, in that order, as far as Cyrus SASL has them; nil means PLAIN and LOGIN.
	Mechanisms []string
	// Mailboxes are the addresses that are hosted, and whose domains are hosted with
	// them; nil means User alone. Another address in their domains is refused as unknown.
	Mailboxes []string
	// Aliases are further addresses of hosted domains, and the address that the mail of each goes on to.
	Aliases map[string]string
	// Outbound are the domains whose mail is sent on, to listeners on loopback. All other mail for
	// domains that are not hosted goes to the sink.
	Outbound []Outbound
	// Retry is how long what could not be delivered waits until it is tried again, in whole seconds: it is tried within
	// twice that time. Zero means Postfix's five minutes, or [Postfix.Flush].
	Retry time.Duration
	// Certificate is the one served; zero means a good one.
	Certificate Certificate
	// ReadOnly refuses Reconfigure: for a server that several tests hold at once.
	ReadOnly bool
}

// A Listener is one port of the server, a line of master.cf with its own settings.
type Listener struct {
	// Name is what Addr, MasterArgs and the log know it by (as postfix/NAME): letters,
	// digits and hyphens.
	Name string
	// Settings are "name=value", valid on this port only: its -o options.
	Settings []string
	// Family is how it is reached; the zero value is IPv4.
	Family Family
}

// Family is the kind of address of a listener.
type Family uint8

const (
	IPv4 Family = iota // a port of 127.0.0.1
	IPv6               // a port of ::1
	Unix               // a UNIX socket, which Addr gives as "unix:/path"
)

// String is the family's name.
func (f Family) String() string { return [...]string{"IPv4", "IPv6", "UNIX socket"}[f] }

// usualListeners are those of the package comment. The outside view has no settings of
// its own: it is main.cf, so that a change there shows as the tutorial's postconf -e would.
func usualListeners() []Listener {
	users := []string{
		"smtpd_tls_security_level=encrypt",
		"smtpd_tls_auth_only=yes",
		"smtpd_client_restrictions=permit_sasl_authenticated,reject",
		"smtpd_relay_restrictions=permit_sasl_authenticated,reject",
	}
	return []Listener{
		{Name: "smtp"},
		{Name: "local", Settings: []string{"mynetworks=127.0.0.0/8"}},
		{Name: "submission", Settings: users},
		{Name: "submissions", Settings: append([]string{"smtpd_tls_wrappermode=yes"}, users...)},
		{Name: "xclient", Settings: []string{"smtpd_authorized_xclient_hosts=127.0.0.0/8"}},
	}
}

// listeners are the usual ones and those of the options, each with its MasterArgs.
func (o *Options) listeners() []Listener {
	all := usualListeners()
	for _, extra := range o.Listeners {
		if i := slices.IndexFunc(all, func(l Listener) bool { return l.Name == extra.Name }); i >= 0 {
			all[i] = extra
		} else {
			all = append(all, extra)
		}
	}
	for i, l := range all {
		all[i].Settings = slices.Concat(l.Settings, o.MasterArgs[l.Name])
	}
	return all
}

// users are the logins, by default the tutorial's one.
func (o *Options) users() map[string]string {
	if o.Users == nil {
		return map[string]string{User: Password}
	}
	return o.Users
}

// mailboxes are the hosted addresses, by default the tutorial's one.
func (o *Options) mailboxes() []string {
	if o.Mailboxes == nil {
		return []string{User}
	}
	return o.Mailboxes
}

// clone copies all that an edit could reach, makes the maps that it may want to write to, and
// fills in the users and mailboxes that it may want to add to.
func (o *Options) clone() Options {
	c := *o
	c.MainCF = maps.Clone(o.MainCF)
	if c.MainCF == nil {
		c.MainCF = map[string]string{}
	}
	c.MasterArgs = map[string][]string{}
	for name, settings := range o.MasterArgs {
		c.MasterArgs[name] = slices.Clone(settings)
	}
	c.Listeners = slices.Clone(o.Listeners)
	c.Users = maps.Clone(o.users())
	c.Mailboxes = slices.Clone(o.mailboxes())
	c.Aliases = maps.Clone(o.Aliases)
	if c.Aliases == nil {
		c.Aliases = map[string]string{}
	}
	c.Outbound = slices.Clone(o.Outbound)
	for i, b := range c.Outbound {
		c.Outbound[i].Settings = slices.Clone(b.Settings)
	}
	c.Mechanisms = slices.Clone(o.Mechanisms)
	c.Certificate = o.Certificate.clone()
	return c
}

var (
	settingName   = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
	listenerName  = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	mechanismName = regexp.MustCompile(`^[A-Z0-9_-]{1,20}$`) // RFC 4422 section 3.1
	hostedName    = regexp.MustCompile(`^[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+$`)
)

// check finds what would make a configuration file that says something other than the options.
// Postfix itself would start with most of it, and complain in the log or not at all.
func (o *Options) check() error {
	for name, value := range o.MainCF {
		if err := checkSetting(name, value); err != nil {
			return fmt.Errorf("lab: MainCF: %w", err)
		}
	}
	for _, m := range o.Mechanisms {
		if !mechanismName.MatchString(m) {
			return fmt.Errorf("lab: %q is no name of a mechanism", m)
		}
	}
	known := o.listeners()
	for _, l := range known {
		if !listenerName.MatchString(l.Name) {
			return fmt.Errorf("lab: %q is no name for a listener", l.Name)
		}
		for _, setting := range l.Settings {
			name, value, found := strings.Cut(setting, "=")
			if !found {
				return fmt.Errorf("lab: listener %s: %q is not name=value", l.Name, setting)
			}
			if err := checkSetting(strings.TrimSpace(name), value); err != nil {
				return fmt.Errorf("lab: listener %s: %w", l.Name, err)
			}
		}
	}
	for name := range o.MasterArgs {
		if !slices.ContainsFunc(known, func(l Listener) bool { return l.Name == name }) {
			return fmt.Errorf("lab: MasterArgs: there is no listener %q", name)
		}
	}
	for _, address := range slices.Concat(o.mailboxes(), slices.Collect(maps.Keys(o.users()))) {
		if !hostedName.MatchString(address) {
			return fmt.Errorf("lab: %q is no plain address, as users and mailboxes must be", address)
		}
	}
	if o.Retry < 0 {
		return fmt.Errorf("lab: Retry: %v is no time to wait", o.Retry)
	}
	return errors.Join(o.checkAliases(), o.checkOutbound())
}

// checkAliases refuses those that would not be asked for, or not be one entry of a table.
func (o *Options) checkAliases() error {
	hosted := hostedDomains(o.mailboxes())
	for alias, target := range o.Aliases {
		if !hostedName.MatchString(alias) || !hostedName.MatchString(target) {
			return fmt.Errorf("lab: Aliases: %q or %q is no plain address", alias, target)
		}
		if _, domain, _ := strings.Cut(alias, "@"); !slices.Contains(hosted, domain) {
			return fmt.Errorf("lab: Aliases: %s is in no domain that has a mailbox", alias)
		}
		if slices.Contains(o.mailboxes(), alias) {
			return fmt.Errorf("lab: Aliases: %s is a mailbox", alias)
		}
	}
	return nil
}

// checkSetting refuses what would not stay one setting in a file.
func checkSetting(name, value string) error {
	if !settingName.MatchString(name) {
		return fmt.Errorf("%q is no name of a setting", name)
	}
	if strings.ContainsAny(value, "\r\n\x00") {
		return fmt.Errorf("the value of %s has a line break", name)
	}
	return nil
}
