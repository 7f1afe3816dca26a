package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"smtplay/dsl"
	"smtplay/scripts"
)

// suiteFiles are what a suite of one's own has beside the runbooks.
//
//go:embed suite/README.md suite/first.lua suite/smtplay.toml
var suiteFiles embed.FS

// editorFolder holds what is for editors: folders with a dot are not run.
const editorFolder = ".smtplay"

func newInit(p *process) *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use:   "init [DIR] [flags]",
		Short: "The runbooks as files of your own, with editor support",
		Long: "Lays out a suite in DIR (default: here): the runbooks, to keep or to change, a first\n" +
			"test of your own, a " + settingsName + " by which smtplay run takes them, and what the Lua\n" +
			"language server has to know about the language.\n" +
			"Nothing that is there already is overwritten; then nothing is written at all.\n\n" +
			"Exit status: 0 all was written; 2 something is there already, or cannot be written.",
		Example:               "  smtplay init demo && cd demo && smtplay run --demo",
		DisableFlagsInUseLine: true,
		Args:                  atMostOneFolder,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return layOut(p, dir, force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "overwrite what is there")
	return cmd
}

func atMostOneFolder(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage("init lays out one folder at a time")
	}
	return nil
}

// layOut does the verb.
func layOut(p *process, dir string, force bool) error {
	files, err := suiteLayout()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return usage("%s cannot be made: %v", dir, cause(err))
	}
	root, err := os.OpenRoot(dir) // a link in it leads nowhere else
	if err != nil {
		return usage("%s: %v", dir, cause(err))
	}
	defer root.Close()
	if !force {
		if err := allNew(root, dir, files); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := put(root, f, force); err != nil {
			return usage("%s cannot be written: %v", filepath.Join(dir, f.name), cause(err))
		}
	}
	nextSteps(p, dir, len(files))
	return nil
}

// suiteFile is a file of a suite: its name has slashes.
type suiteFile struct{ name, text string }

// suiteLayout lists the files of a new suite, in order.
func suiteLayout() ([]suiteFile, error) {
	readme, err := suiteFiles.ReadFile("suite/README.md")
	if err != nil {
		return nil, err
	}
	first, err := suiteFiles.ReadFile("suite/first.lua")
	if err != nil {
		return nil, err
	}
	own, err := suiteFiles.ReadFile("suite/smtplay.toml")
	if err != nil {
		return nil, err
	}
	files := []suiteFile{
		{".luarc.json", dsl.EditorSettings(editorFolder)},
		{path.Join(editorFolder, "plugin.lua"), dsl.EditorPlugin},
		{path.Join(editorFolder, "stubs.lua"), dsl.Stubs()},
		{"README.md", string(readme)},
		{settingsName, string(own)},
		{"tests/first.lua", string(first)},
	}
	err = fs.WalkDir(scripts.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(scripts.FS, name)
		files = append(files, suiteFile{path.Join("scripts", name), string(text)})
		return err
	})
	return files, err
}

// allNew names the first file that is there already.
func allNew(root *os.Root, dir string, files []suiteFile) error {
	for _, f := range files {
		_, err := root.Lstat(filepath.FromSlash(f.name))
		at := filepath.Join(dir, filepath.FromSlash(f.name))
		switch {
		case err == nil:
			return usage("%s is there already: nothing was written", at).try("name another folder; --force overwrites")
		case !errors.Is(err, fs.ErrNotExist):
			return usage("%s: %v: nothing was written", at, cause(err))
		}
	}
	return nil
}

// put writes a file that is not there; with force it takes the place of one.
func put(root *os.Root, f suiteFile, force bool) error {
	name := filepath.FromSlash(f.name)
	if err := root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	if force {
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = file.WriteString(f.text)
	return errors.Join(err, file.Close())
}

// nextSteps says what can be done with the suite now.
func nextSteps(p *process, dir string, files int) {
	fmt.Fprintf(p.stdout, "wrote %s to %s\n\nnext:\n", count(files, "file"), dir)
	if dir != "." {
		fmt.Fprintf(p.stdout, "  cd %s\n", shellWord(dir))
	}
	fmt.Fprint(p.stdout, "  smtplay run --demo                             all of it, against the server inside smtplay\n"+
		"  smtplay run --server mail.example.com tests    your own, against your server\n"+
		"\ntests/first.lua is yours to change; .smtplay.toml says what is always the same\nsmtplay docs is the language, smtplay docs editor for editors\n")
}

// shellWord is a path as a shell takes it for one word.
func shellWord(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" && !strings.HasPrefix(s, "-") {
		return s
	}
	if strings.HasPrefix(s, "-") {
		s = "./" + s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
