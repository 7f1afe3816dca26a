package main

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"

	"smtplay/dsl"
	"smtplay/scripts"
)

// serversDir is where the servers lie that serve knows by their names.
const serversDir = "lib/serve"

// isBuiltIn says whether a name is that of a server inside the program, and of
// nothing here.
func isBuiltIn(name string) bool {
	_, err := fs.Stat(scripts.FS, path.Join(serversDir, name+".lua"))
	return err == nil && isWord(name) && !exists(name)
}

// isWord tells a name from the path of a file.
func isWord(s string) bool { return s != "" && !strings.ContainsAny(s, `/\.`) }

// loadServer compiles the script of one path, or the server of that name.
func loadServer(paths []string) (*loaded, error) {
	if !isBuiltIn(paths[0]) {
		return load(paths)
	}
	l, file := &loaded{}, path.Join(serversDir, paths[0]+".lua")
	l.add(dsl.CompileFS(scripts.FS, file, "scripts/"+file))
	return l, nil
}

// builtIn are the names of the servers inside the program, in order.
func builtIn() []string {
	files, _ := fs.Glob(scripts.FS, path.Join(serversDir, "*.lua"))
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = strings.TrimSuffix(path.Base(file), ".lua")
	}
	return names
}

// builtInLike are those whose names begin so, none where nothing is typed: most serve
// files of their own.
func builtInLike(typed string) []string {
	if typed == "" {
		return nil
	}
	return slices.DeleteFunc(builtIn(), func(name string) bool { return !strings.HasPrefix(name, typed) })
}

// listBuiltIn has a line for each of them: its name and what it is.
func listBuiltIn() string {
	var b strings.Builder
	for _, name := range builtIn() {
		text, _ := fs.ReadFile(scripts.FS, path.Join(serversDir, name+".lua"))
		title, _, _ := bytes.Cut(text, []byte("\n"))
		b.WriteString("  " + name + strings.Repeat(" ", max(1, 17-len(name))) + strings.TrimPrefix(string(title), "--- ") + "\n")
	}
	return b.String()
}

// knownServers is the hint of a name that is neither here nor built in.
func knownServers(name string) string {
	if near := nearest(name, builtIn()); near != "" {
		return "did you mean " + near + "? built in are " + strings.Join(builtIn(), ", ")
	}
	return "built in are " + strings.Join(builtIn(), ", ")
}
