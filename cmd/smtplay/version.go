package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func newVersion(p *process) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the revision and the Go that built it",
		Args:  noOperands,
		RunE:  func(*cobra.Command, []string) error { return printVersion(p) },
	}
}

func printVersion(p *process) error {
	info, _ := debug.ReadBuildInfo()
	_, err := fmt.Fprintf(p.stdout, "smtplay %s\n", version(info))
	return err
}

// version is that of the module, the revision that it was built from where Go
// wrote it down, and the Go that built it for which machine.
func version(info *debug.BuildInfo) string {
	if info == nil {
		info = &debug.BuildInfo{GoVersion: runtime.Version()}
	}
	settings := map[string]string{"GOOS": runtime.GOOS, "GOARCH": runtime.GOARCH}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	words := []string{strings.Trim(info.Main.Version, "()")}
	if words[0] == "" {
		words[0] = "unknown"
	}
	if revision := settings["vcs.revision"]; revision != "" {
		revision = revision[:min(12, len(revision))]
		if settings["vcs.modified"] == "true" {
			revision += " changed"
		}
		words = append(words, revision)
	}
	return strings.Join(append(words, info.GoVersion, settings["GOOS"]+"/"+settings["GOARCH"]), ", ")
}

// moduleVersion is the version alone, as reports and manual pages have it.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return strings.Trim(info.Main.Version, "()")
}
