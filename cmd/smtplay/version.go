package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(p *process) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noOperands,
		RunE:  func(*cobra.Command, []string) error { return printVersion(p) },
	}
}

func printVersion(p *process) error {
	_, err := fmt.Fprintf(p.stdout, "smtplay %s\n", version())
	return err
}

// version is that of the module, and where it was built from a working copy
// the revision.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	if info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel " + s.Value[:12]
		}
	}
	return "devel"
}
