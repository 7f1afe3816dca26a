package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"smtplay/engine/suite"
)

// allowFlag says what of this machine scripts may use.
type allowFlag struct{ allow []string }

func (f *allowFlag) register(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.allow, "allow", nil, "`WHAT`: let scripts use more of this machine: exec, run commands (exec:COMMAND as a target); listen, on addresses that others reach; read=PATH and remove=PATH, files outside their folder, or all below a folder")
}

// words are what can be allowed, as it is written.
var words = []string{"exec", "listen", "read=PATH", "remove=PATH"}

// permissions are what the flag allows, for all scripts of the run.
func (f *allowFlag) permissions() (suite.Permissions, error) {
	var p suite.Permissions
	for _, what := range f.allow {
		word, path, given := strings.Cut(what, "=")
		var places *[]string
		switch word {
		case "exec":
			p.Exec = true
		case "listen":
			p.Listen = true
		case "read":
			places = &p.Read
		case "remove":
			places = &p.Remove
		default:
			return p, unknownAllow(what, word)
		}
		switch {
		case places == nil && given:
			return p, usage("--allow %s: %s has no path: write --allow %s", what, word, word)
		case places == nil:
			continue
		case path == "":
			return p, usage("--allow %s names no path: write --allow %s=PATH, a file or a folder", word, word)
		}
		found, err := suite.Places(path)
		if err != nil {
			return p, usage("--allow %s: %v", what, err)
		}
		for _, place := range found {
			if !slices.Contains(*places, place) {
				*places = append(*places, place)
			}
		}
	}
	return p, nil
}

func unknownAllow(what, word string) *fault {
	f := usage("--allow: there is nothing called %q to allow", what)
	if near := nearest(strings.ToLower(word), []string{"exec", "listen", "read", "remove"}); near != "" {
		near = words[slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, near) })]
		return f.try("did you mean %s?", near)
	}
	return f.try("there are %s", strings.Join(words, ", "))
}
