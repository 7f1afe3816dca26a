package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"os"

	"smtplay/dsl"
	"smtplay/engine/paste"
)

// TestImportedSamples: whatever is imported makes a script without problems,
// and one that shows no password.
func TestImportedSamples(t *testing.T) {
	files, err := filepath.Glob("../../engine/paste/testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		for _, f := range []*importFlags{{}, {text: true}} {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := &process{stderr: &bytes.Buffer{}}
			var script bytes.Buffer
			n, err := f.write(t.Context(), p, &script, filepath.Base(file), paste.Sessions(bytes.NewReader(text)))
			if err != nil || n == 0 {
				t.Errorf("%s: %d sessions, %v", file, n, err)
			}
			if _, problems := dsl.Compile(filepath.Join(t.TempDir(), "t.lua"), script.Bytes()); len(problems) > 0 {
				t.Errorf("%s: %v\n%s", file, problems, script.String())
			}
			if strings.Contains(script.String(), "yourpassword") || strings.Contains(p.stderr.(*bytes.Buffer).String(), "yourpassword") {
				t.Errorf("%s: the password is shown:\n%s", file, script.String())
			}
		}
	}
}
