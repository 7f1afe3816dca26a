package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"smtplay/engine"
)

// durationFlag is a duration as scripts write it: seconds, or "1m30s".
type durationFlag struct{ time.Duration }

// Set implements pflag.Value.
func (d *durationFlag) Set(s string) error {
	parsed, err := time.ParseDuration(s)
	if seconds, ferr := strconv.ParseFloat(s, 64); ferr == nil {
		parsed, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil {
		return fmt.Errorf("%q is no duration: write seconds, or 1m30s", s)
	}
	if parsed <= 0 || parsed > maxDuration {
		return fmt.Errorf("%s is no time to wait: it must be more than 0, and at most a year", s)
	}
	d.Duration = parsed
	return nil
}

// maxDuration keeps sums of durations from running over.
const maxDuration = 365 * 24 * time.Hour

// String implements pflag.Value.
func (d *durationFlag) String() string {
	if d.Duration == 0 {
		return ""
	}
	return d.Duration.String()
}

// Type implements pflag.Value.
func (d *durationFlag) Type() string { return "DURATION" }

// numberFlag is a whole number that is not below min.
type numberFlag struct{ n, min int64 }

// Set implements pflag.Value.
func (f *numberFlag) Set(s string) error {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > 1e15 {
		return fmt.Errorf("%q is no whole number that could be meant", s)
	}
	if n < f.min {
		return fmt.Errorf("%d is too few: at least %d", n, f.min)
	}
	f.n = n
	return nil
}

// String implements pflag.Value.
func (f *numberFlag) String() string { return strconv.FormatInt(f.n, 10) }

// Type implements pflag.Value.
func (f *numberFlag) Type() string { return "N" }

// usualLogins is one fewer than what fail2ban, as it is installed, bans after.
const usualLogins = 4

// loginsFlag says how many failed logins a server may see.
type loginsFlag struct {
	numberFlag
	given bool
}

// Set implements pflag.Value.
func (f *loginsFlag) Set(s string) error {
	f.given = true
	return f.numberFlag.Set(s)
}

// limit is what all connections of a run share. What is asked for holds on
// loopback too.
func (f *loginsFlag) limit() *engine.AuthLimit {
	if !f.given {
		return &engine.AuthLimit{Max: usualLogins}
	}
	return &engine.AuthLimit{Max: int(f.n), Loopback: true}
}

// pair splits a NAME=VALUE. The value is in no message: it may be a secret.
func pair(flag, s, form string) (name, value string, err error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok && isName(s) {
		return "", "", usage("--%s %s lacks its value: %s", flag, s, form)
	}
	if !ok || !isName(name) {
		return "", "", usage("--%s is written %s", flag, form)
	}
	return name, value, nil
}

func isName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.')
	})
}
