package main

import (
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// goPackage is what go list says of a package of this module.
type goPackage struct {
	ImportPath string
	Imports    []string
}

// TestArchitecture keeps what no package may import.
func TestArchitecture(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "smtplay/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	nevers := []struct {
		reason  string
		imports []string
		only    []string // the packages that may, with all below them
		under   string   // the rule speaks of packages under this path; "" for all
	}{
		{"only dsl knows Lua", []string{"github.com/yuin/gopher-lua"}, []string{"smtplay/dsl"}, ""},
		{"only cmd reads flags", []string{"github.com/spf13/pflag", "github.com/spf13/cobra"}, []string{"smtplay/cmd"}, ""},
		{"only the engine runs SASL", []string{"github.com/emersion/go-sasl"}, []string{"smtplay/engine"}, ""},
		{"only the resolver speaks DNS", []string{"github.com/miekg/dns"}, []string{"smtplay/engine/resolver"}, ""},
		{"the resolver imports nothing of the module", []string{"smtplay"}, nil, "smtplay/engine/resolver "},
		{"only the jump speaks SSH, and only the command links it", []string{"golang.org/x/crypto/ssh", "smtplay/engine/jump"}, []string{"smtplay/engine/jump", "smtplay/cmd"}, ""},
		{"the language does not know the command line", []string{"smtplay/cmd"}, []string{"smtplay/cmd"}, ""},
		{"the engine does not know the language", []string{"smtplay/dsl"}, []string{"smtplay/dsl", "smtplay/cmd"}, ""},
		{"wire imports nothing of the module", []string{"smtplay"}, nil, "smtplay/engine/wire"},
		{"wire imports only the standard library", []string{"github.com", "golang.org"}, nil, "smtplay/engine/wire"},
		{"transcript imports only wire", []string{"smtplay"}, []string{"smtplay/engine/wire"}, "smtplay/engine/transcript"},
		{"a mail log knows only wire", []string{"smtplay"}, []string{"smtplay/engine/wire"}, "smtplay/engine/maillog"},
		{"a conversation knows no suite", []string{"smtplay/engine/suite", "smtplay/engine/report", "smtplay/engine/server"}, nil, "smtplay/engine "},
		{"a suite knows no report", []string{"smtplay/engine/report"}, nil, "smtplay/engine/suite"},
		{"a mailbox knows neither conversation nor server", []string{"smtplay/engine"}, []string{"smtplay/engine/wire", "smtplay/engine/message"}, "smtplay/engine/mailbox "},
		{"a peer knows no conversation", []string{"smtplay/engine"}, []string{"smtplay/engine/transcript", "smtplay/engine/wire", "smtplay/engine/keypair"}, "smtplay/engine/server"},
		{"a key pair knows nobody", []string{"smtplay"}, nil, "smtplay/engine/keypair"},
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, n := range nevers {
			if under, exact := strings.CutSuffix(n.under, " "); exact && p.ImportPath != under || !exact && n.under != "" && !below(p.ImportPath, under) {
				continue
			}
			if n.under == "" && slices.ContainsFunc(n.only, func(o string) bool { return below(p.ImportPath, o) }) {
				continue
			}
			for _, i := range p.Imports {
				never := slices.ContainsFunc(n.imports, func(o string) bool { return below(i, o) })
				if never && !slices.ContainsFunc(n.only, func(o string) bool { return below(i, o) }) {
					t.Errorf("%s: %s imports %s", n.reason, p.ImportPath, i)
				}
			}
		}
	}
}

// TestOnlyCommandsPrint: what is not in cmd returns values and errors.
func TestOnlyCommandsPrint(t *testing.T) {
	prints := regexp.MustCompile(`\b(fmt\.Print|os\.(Stdout|Stderr|Stdin|Args|Exit|Getenv|LookupEnv|Environ)\b|log\.(Print|Fatal|Panic)|println\()`)
	comments := regexp.MustCompile(`(?m)//.*$`)
	for _, root := range []string{"../../engine", "../../dsl", "../../scripts"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			// The lab is for tests: whether Postfix may be missing is said in the environment.
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "labtest") {
				return err
			}
			text, err := os.ReadFile(path)
			if m := prints.Find(comments.ReplaceAll(text, nil)); m != nil {
				t.Errorf("%s: %s", path, m)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func below(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }
