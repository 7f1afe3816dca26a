package dsl

import (
	_ "embed"
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// EditorPlugin is a plugin for the Lua language server that teaches it reply
// literals. It is Lua that 5.1 reads too.
//
//go:embed editor_plugin.lua
var EditorPlugin string

// EditorSettings is a .luarc.json, the settings of the Lua language server, for a
// folder of scripts whose folder dir has the plugin as plugin.lua, and the stubs.
func EditorSettings(dir string) string {
	settings := struct {
		Version string            `json:"runtime.version"`
		Plugin  string            `json:"runtime.plugin"`
		Path    []string          `json:"runtime.path"`
		Builtin map[string]string `json:"runtime.builtin"`
		Library []string          `json:"workspace.library"`
		Globals []string          `json:"diagnostics.globals"`
		Disable []string          `json:"diagnostics.disable"`
		Slash   string            `json:"completion.requireSeparator"`
	}{
		Version: "Lua 5.1",
		Plugin:  path.Join(dir, "plugin.lua"),
		Path:    []string{"?.lua"},
		Builtin: map[string]string{},
		Library: []string{dir},
		Globals: globalNames(),
		Disable: []string{"lowercase-global"}, // a suite.lua hands values to tests in globals
		Slash:   "/",                          // modules are named by their paths
	}
	for _, library := range []string{"debug", "io", "package"} {
		settings.Builtin[library] = "disable" // scripts do not have them
	}
	text, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		panic("dsl: " + err.Error()) // strings can be written
	}
	return string(text) + "\n"
}

// globalNames are the globals that verbs are, in order.
func globalNames() []string {
	var names []string
	for _, v := range verbs {
		name, _, _ := strings.Cut(v.name, ".")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
