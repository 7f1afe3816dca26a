package dsl

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"smtplay/engine/transcript"
)

// remark puts a note of smtplay's own into the transcript.
func (s *session) remark(format string, args ...any) {
	s.record(transcript.Note, fmt.Sprintf(format, args...))
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// readable is the path of a file or folder that the script may read; a relative
// one is of the script's folder.
func (c *call) readable(path string) string {
	if path == "" {
		c.wrong("%s needs a path", c.v.name)
	}
	if err := c.s.env.Allow.CanRead(c.home().dir, path); err != nil {
		c.wrong("%s: %v", c.v.name, err)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(cmp.Or(c.home().dir, "."), path)
	}
	return path
}

// removable: files are removed only where whoever runs the script allowed it.
func (c *call) removable(box *heldBox) {
	if box.path == "" {
		return // by the right of the login
	}
	if err := c.s.env.Allow.CanRemove(c.home().dir, box.path); err != nil {
		c.wrong("remove: %v", err)
	}
}
