package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newMan is for packagers, and hidden from all others.
func newMan(p *process) *cobra.Command {
	return &cobra.Command{
		Use:                   "man DIR",
		Short:                 "Write the manual pages into DIR: smtplay.1, smtplay-run.1, …",
		Hidden:                true,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("man needs the folder to write to")
			}
			return writeMan(p, cmd.Root(), args[0])
		},
	}
}

// writeMan writes a page for each verb.
func writeMan(p *process, root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return usage("%s cannot be made: %v", dir, cause(err))
	}
	root.DisableAutoGenTag = true
	info, _ := debug.ReadBuildInfo()
	date := buildDate(info)
	header := &doc.GenManHeader{Section: "1", Source: "smtplay", Manual: "smtplay", Date: &date}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return usage("the pages cannot be written: %v", err)
	}
	fmt.Fprintf(p.stdout, "wrote the pages to %s\n", dir)
	return nil
}

// buildDate is that of the commit, so that the pages of one commit are the same;
// 1970 where it is not known.
func buildDate(info *debug.BuildInfo) time.Time {
	if info != nil {
		for _, s := range info.Settings {
			if at, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
				return at.UTC()
			}
		}
	}
	return time.Unix(0, 0).UTC()
}
