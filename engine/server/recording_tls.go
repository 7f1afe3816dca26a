package server

import (
	"crypto/tls"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// tlsShown is what a transcript tells of a handshake.
type tlsShown struct {
	failed  bool   // it came to nothing
	version string // "TLS1.3"
	shownCertificate
}

// shownCertificate is what a transcript tells of a certificate. It is comparable:
// what looks alike is one.
type shownCertificate struct {
	name     string // the common name
	host     string // of the greeting: the server's name, in most cases
	problems string // what the client's verification found; "" for nothing
	rsa      bool   // its key
}

// What verification finds, as it stands in a transcript.
const selfSigned = "self-signed certificate"

var (
	otherName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`it is for (.*), not for [^ ,]+`) })
	expired   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`expired on (\S+ \S+ UTC)`) })
	early     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`not valid before (\S+ \S+ UTC)`) })
)

const dayForm = "2006-01-02 15:04 MST"

// tlsOf reads the words of a handshake, those of transcript.TLSInfo.
func tlsOf(words string) tlsShown {
	var t tlsShown
	var cipher, subject string
	t.version, words, _ = strings.Cut(words, " ")
	cipher, words, _ = strings.Cut(words, " ")
	subject, t.problems, _ = strings.Cut(words, " unverified: ")
	subject = strings.TrimPrefix(subject, "as ") // of a handshake that smtplay did as a server
	for part := range strings.SplitSeq(strings.TrimSuffix(subject, " verified"), ",") {
		if name, ok := strings.CutPrefix(part, "CN="); ok {
			t.name = name
		}
	}
	t.rsa = strings.Contains(cipher, "_RSA_")
	return t
}

// failedTLS reads the note of a handshake that came to nothing. Where the client
// did not trust the certificate, no CA may make it trust ours.
func failedTLS(note string) tlsShown {
	t := tlsShown{failed: true}
	if strings.Contains(note, noteUnproven) || strings.Contains(note, noteRefused) && strings.Contains(note, "certificate") {
		t.problems = selfSigned
	}
	return t
}

// greetingHost is the name that a server gives itself in its greeting.
func (c *conversation) greetingHost() string {
	for _, st := range c.steps {
		if st.kind == stepSay {
			line, _, _ := strings.Cut(string(st.data), "\n")
			name, _, _ := strings.Cut(strings.TrimRight(line[min(4, len(line)):], "\r"), " ")
			return name
		}
	}
	return ""
}

// CA is the certificate that signs those that were verified, in PEM form: what
// a client has to trust where the recorded one did. Others it does not sign.
func (r *Recording) CA() ([]byte, error) {
	ca, err := r.certify()
	if err != nil {
		return nil, err
	}
	return ca.PEM(), nil
}

// certify returns the authority, made once.
func (r *Recording) certify() (*Authority, error) {
	r.certified.Do(func() { r.authority, r.noCA = MakeCA(AuthorityOptions{CommonName: "smtplay serve CA"}) })
	return r.authority, r.noCA
}

// config is what a handshake is done with.
func (r *Recording) config(t tlsShown) (*tls.Config, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	made := r.certificates[t.shownCertificate]
	if made == nil {
		o, err := r.options(t.shownCertificate)
		if err != nil {
			return nil, err
		}
		if made, err = MakeCertificate(o); err != nil {
			return nil, err
		}
		if r.certificates == nil {
			r.certificates = map[shownCertificate]*Certificate{}
		}
		r.certificates[t.shownCertificate] = made
	}
	config := made.ServerConfig()
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		if strings.ReplaceAll(tls.VersionName(version), " ", "") == t.version {
			config.MinVersion, config.MaxVersion = min(version, tls.VersionTLS12), version
		}
	}
	return config, nil
}

// options make a certificate that looks as the recorded one did.
func (r *Recording) options(s shownCertificate) (CertificateOptions, error) {
	ca, err := r.certify()
	if err != nil {
		return CertificateOptions{}, err
	}
	o := CertificateOptions{Issuer: ca}
	for _, name := range []string{s.name, s.host, "localhost", "127.0.0.1", "::1"} {
		if isHost(name) && !slices.Contains(o.Names, name) {
			o.Names = append(o.Names, name)
		}
	}
	if s.rsa {
		o.Key = RSA2048
	}
	o.CommonName = o.Names[0]
	others := s.problems
	if m := otherName().FindStringSubmatch(others); m != nil {
		o.Names = slices.DeleteFunc(strings.Split(m[1], ", "), func(name string) bool { return !isHost(name) })
		others = otherName().ReplaceAllString(others, "")
	}
	if m := expired().FindStringSubmatch(others); m != nil {
		if t, err := time.Parse(dayForm, m[1]); err == nil {
			o.NotBefore, o.NotAfter = t.Add(-validity), t
		}
		others = expired().ReplaceAllString(others, "")
	}
	if m := early().FindStringSubmatch(others); m != nil {
		if t, err := time.Parse(dayForm, m[1]); err == nil {
			o.NotBefore, o.NotAfter = t, t.Add(validity)
		}
		others = early().ReplaceAllString(others, "")
	}
	switch {
	case strings.Contains(others, selfSigned):
		o.Issuer = nil
	case strings.Trim(others, ", ") != "":
		stranger, err := MakeCA(AuthorityOptions{CommonName: "unknown CA"})
		if err != nil {
			return o, err
		}
		o.Issuer = stranger
	}
	return o, nil
}

// isHost says whether a certificate can be for that name.
func isHost(name string) bool {
	return hostForm().MatchString(name) || net.ParseIP(name) != nil
}

var hostForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]{0,250}[A-Za-z0-9_])?$`)
})
