package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"smtplay/engine/suite"
)

// shortSecret is the length below which a secret is found in too much.
const shortSecret = 4

// inputFlags are what scripts read from outside.
type inputFlags struct {
	vars    []string
	secrets []string
	usual   map[string]string // vars that count where neither flag nor environment gives one
}

func (f *inputFlags) register(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.vars, "var", nil, "`NAME=VALUE`: a value that scripts read (SMTPLAY_VAR_NAME)")
	f.registerSecrets(fs)
}

func (f *inputFlags) registerSecrets(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.secrets, "secret", nil, "`NAME=@FILE`: a secret, read from a file (SMTPLAY_SECRET_NAME, or a prompt)")
}

// read takes vars and secrets from the environment and from the flags, which
// count more. Secrets are masked from here on.
func (f *inputFlags) read(p *process, env *suite.Env) error {
	env.Vars, env.Secrets = map[string]string{}, map[string]string{}
	maps.Copy(env.Vars, f.usual)
	environment(p, env)
	for _, v := range f.vars {
		name, value, err := pair("var", v, "NAME=VALUE")
		if err != nil {
			return err
		}
		env.Vars[name] = value
	}
	for _, s := range f.secrets {
		name, value, err := pair("secret", s, "NAME=@FILE")
		if err != nil {
			return err
		}
		file, ok := strings.CutPrefix(value, "@")
		if !ok {
			return usage("--secret %s: a secret is not written on the command line, where all users of this machine can read it", name).
				try("--secret %s=@FILE reads it from a file; SMTPLAY_SECRET_%s, or the prompt on a terminal, will do as well", name, name)
		}
		if env.Secrets[name], err = readSecret(file); err != nil {
			return usage("--secret %s: %v", name, err)
		}
	}
	for name, value := range env.Secrets {
		if value != "" && len(value) < shortSecret {
			p.warn("the secret %s has less than %d characters: whatever looks like it is masked as well", name, shortSecret)
		}
		env.Redact.Add(name, value)
	}
	return nil
}

// hasSecret says whether a flag gave that secret.
func (f *inputFlags) hasSecret(name string) bool {
	return slices.ContainsFunc(f.secrets, func(s string) bool { return strings.HasPrefix(s, name+"=") })
}

// environment takes what SMTPLAY_VAR_… and SMTPLAY_SECRET_… say.
func environment(p *process, env *suite.Env) {
	for key, value := range p.env {
		if name, ok := strings.CutPrefix(key, "SMTPLAY_VAR_"); ok {
			env.Vars[name] = value
		}
		if name, ok := strings.CutPrefix(key, "SMTPLAY_SECRET_"); ok {
			env.Secrets[name] = value
		}
	}
}

// readSecret reads a file and removes the one line end with which editors
// finish it.
func readSecret(file string) (string, error) {
	if file == "" {
		return "", fmt.Errorf("the name of the file is missing after the @")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, cause(err))
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if value == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	return value, nil
}

// ask prompts for the secrets that are missing, where there is somebody to ask.
func ask(ctx context.Context, p *process, env *suite.Env, names []string) error {
	if !p.inIsTerm {
		return nil
	}
	for _, name := range names {
		if env.Secrets[name] != "" {
			continue
		}
		value, err := p.password(ctx, name+": ")
		if ctx.Err() != nil {
			return &fault{status: exitInterrupted, msg: context.Cause(ctx).Error()}
		}
		if err != nil {
			return usage("the secret %s could not be read: %v", name, err)
		}
		env.Secrets[name] = value
		env.Redact.Add(name, value)
	}
	return nil
}

// misspelt warns of a var, a secret or a target that no script reads when one that is
// read has nearly that name: with a default, nobody would notice.
func misspelt(p *process, kind string, given []string, read []string) {
	names := map[string]bool{}
	for _, g := range given {
		name, _, _ := strings.Cut(g, "=")
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if slices.Contains(read, name) {
			continue
		}
		verb := "reads"
		if kind == "target" {
			if suite.IsStandard(name) {
				continue // which a server has, whatever these scripts do
			}
			verb = "connects to"
		}
		if near := nearest(name, read); near != "" && !names[near] {
			p.warn("no script %s the %s %q: did you mean %q?", verb, kind, name, near)
		}
	}
}

// misspelt warns of slips in what the flags, the environment and settings give a
// run. Settings count by themselves: that they have the right name makes a slip
// of a flag's no better.
func (f *runFlags) misspelt(p *process, scripts *loaded) {
	vars := slices.Clone(f.vars)
	for key := range p.env {
		if name, ok := strings.CutPrefix(key, "SMTPLAY_VAR_"); ok {
			vars = append(vars, name)
		}
	}
	misspelt(p, "var", vars, scripts.vars())
	misspelt(p, "var", slices.Collect(maps.Keys(f.taken.vars)), scripts.vars())
	misspelt(p, "secret", f.inputFlags.secrets, scripts.secrets())
	targets := slices.DeleteFunc(slices.Clone(f.targets), func(given string) bool {
		name, _, _ := strings.Cut(given, "=")
		return f.taken.targets[name] != ""
	})
	misspelt(p, "target", targets, scripts.targets())
	misspelt(p, "target", slices.Collect(maps.Keys(f.taken.targets)), scripts.targets())
}
