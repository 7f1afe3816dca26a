package dsl

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"smtplay/engine"
	"smtplay/engine/suite"
)

// pemFile is a file of certificates that a script names, and where.
type pemFile struct {
	Use
	option string
}

// noteFiles keeps the files of certificates that a call writes out.
func (s *Script) noteFiles(m *module, v *verb, c callSite) {
	_, options := splitArgs(v, c)
	for _, o := range options {
		p, _ := v.option(o.key)
		value, _ := literal(o.value)
		name, ok := value.(string)
		if p.kind != pemKind || !ok || name == "" {
			continue
		}
		at := m.problem(o.line, name, "")
		s.pems = append(s.pems, pemFile{Use: Use{Name: name, Pos: at.Pos, column: at.Column, source: at.Source}, option: o.key})
	}
}

// filesReady says which files of certificates are none, before anything is
// sent. They belong to the machine that the script is for: where it skips
// because a target is elsewhere, they need not be there.
func (s *Script) filesReady(env *suite.Env) Problems {
	if slices.ContainsFunc(s.needs.Targets, func(u Use) bool {
		_, _, err := env.Targets.Resolve(u.Name)
		return u.Optional && err != nil
	}) {
		return nil
	}
	var problems Problems
	for _, f := range s.pems {
		if err := s.pemReady(f); err != nil {
			problems = append(problems, Problem{Pos: f.Pos, Column: f.column, Source: f.source, Msg: fmt.Sprintf("%s: %v", f.option, err)})
		}
	}
	return problems
}

func (s *Script) pemReady(f pemFile) error {
	text, err := s.readPEM(f.Name)
	if err != nil {
		return err
	}
	if f.option == "ca" {
		_, err = engine.LoadCA(text, f.Name)
	} else {
		_, err = engine.LoadCertificates(text, f.Name)
	}
	return err
}

// readPEM reads a file that a script names for the engine; it may lie anywhere,
// and its content reaches neither the script nor an error.
func (s *Script) readPEM(name string) ([]byte, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(s.dir, name)
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, pathReason(err))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: %w", name, errNotRegular)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, pathReason(err))
	}
	return text, nil
}

// certificates are those of the file that an option names.
func (c *call) certificates(option, name string) []*x509.Certificate {
	certs, err := engine.LoadCertificates(c.readPEM(option, name), name)
	if err != nil {
		c.wrong("%s: %v", option, err)
	}
	return certs
}

func (c *call) loadCA(name string) *x509.CertPool {
	pool, err := engine.LoadCA(c.readPEM("ca", name), name)
	if err != nil {
		c.wrong("ca: %v", err)
	}
	return pool
}

func (c *call) readPEM(option, name string) []byte {
	text, err := c.home().readPEM(name)
	if err != nil {
		c.wrong("%s: %v", option, err)
	}
	return text
}
