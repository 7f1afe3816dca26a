package main

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"smtplay/dsl"
	"smtplay/engine/report"
)

// warnAbove warns of settings and of a suite.lua that lie further up than what
// counts. They are not taken from there: they say which server gets the secrets,
// and what runs, and in a folder such as /tmp anybody may have put them.
func warnAbove(p *process, verb string, paths []string) {
	roots := []string{"."}
	if len(paths) > 0 {
		roots = nil
	}
	for _, place := range paths {
		roots = append(roots, folderOf(place))
	}
	var told []string
	for _, root := range roots {
		folder, names := above(root, roots)
		if len(names) == 0 || slices.Contains(told, folder) {
			continue
		}
		told = append(told, folder)
		below, err := filepath.Rel(absolute(folder), absolute(root))
		if err != nil {
			continue
		}
		for i, name := range names {
			names[i] = report.Visible(filepath.Join(folder, name))
		}
		does, lies := "do", "they lie"
		if len(names) == 1 {
			does, lies = "does", "it lies"
		}
		p.warn("%s %s not count: %s above the current folder and above what is run; where all of that is yours, cd %s && smtplay %s %s takes it",
			strings.Join(names, " and "), does, lies, report.Visible(shellWord(folder)), verb, report.Visible(shellWord(below)))
	}
}

// above is the nearest folder above a root, and above the current one where the
// root lies in it, that has settings or a suite.lua; and which of the two.
func above(root string, roots []string) (folder string, names []string) {
	counted := foldersAbove(filepath.Join(root, "x"), roots...)
	dir := absolute(root)
	for up := filepath.Dir(dir); up != dir; dir, up = up, filepath.Dir(up) {
		if slices.ContainsFunc(counted, func(f string) bool { return absolute(f) == up }) {
			continue
		}
		for _, name := range []string{settingsName, dsl.FixtureName} {
			if info, err := os.Stat(filepath.Join(up, name)); err == nil && info.Mode().IsRegular() {
				names = append(names, name)
			}
		}
		if names != nil {
			if at, err := filepath.Rel(absolute("."), up); err == nil && !filepath.IsAbs(root) {
				up = at
			}
			return up, names
		}
	}
	return "", nil
}

func absolute(name string) string {
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return name
}

// warnOthers warns of settings that lie beside scripts that are run, and do not
// count: those of the first path do.
func (f *runFlags) warnOthers(p *process, paths []string, scripts *loaded) error {
	if len(paths) == 0 {
		return nil
	}
	var known, roots []string
	for _, folder := range f.settingsFolders(paths) {
		known = append(known, absolute(folder))
	}
	for _, place := range paths {
		roots = append(roots, folderOf(place))
	}
	seen := map[string]bool{}
	for _, s := range scripts.scripts {
		dir := path.Dir(s.Name())
		if seen[dir] {
			continue
		}
		seen[dir] = true
		for _, folder := range foldersAbove(s.Name(), roots...) {
			if slices.Contains(known, absolute(folder)) {
				continue
			}
			known = append(known, absolute(folder))
			own, err := readSettings(filepath.Join(folder, settingsName))
			if err != nil {
				return err
			}
			if own != nil && own.more() {
				p.warn("%s does not count, but for its masks: settings are those of %s and above; smtplay run %s takes them", report.Visible(own.name), report.Visible(roots[0]), report.Visible(shellWord(folder)))
			}
		}
	}
	return nil
}
