package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// What packages the program is YAML of the right shape: a key that is there twice
// is an error of the parser.
func TestPackagingYAML(t *testing.T) {
	ci, err := guides.ReadFile("docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for i, text := range blocks(string(ci), "yaml") {
		texts[fmt.Sprintf("docs/ci.md, %d", i)] = text
	}
	for _, file := range []string{".goreleaser.yaml", ".github/actions/smtplay/action.yml"} {
		text, err := os.ReadFile(filepath.Join("../..", file))
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = string(text)
	}
	for file, text := range texts {
		dec := yaml.NewDecoder(strings.NewReader(text))
		var doc map[string]any
		if err := dec.Decode(&doc); err != nil || len(doc) == 0 {
			t.Errorf("%s: %v", file, err)
		}
		if err := dec.Decode(&doc); err != io.EOF {
			t.Errorf("%s: more than one document: %v", file, err)
		}
	}
}

// The release is static, and knows neither the machine nor the hour of its build.
func TestReleaseIsReproducible(t *testing.T) {
	text, err := os.ReadFile("../../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var release struct {
		Version int
		Builds  []struct {
			Env, Flags   []string
			Goos, Goarch []string
			Timestamp    string `yaml:"mod_timestamp"`
		}
		Checksum map[string]string
	}
	if err := yaml.Unmarshal(text, &release); err != nil {
		t.Fatal(err)
	}
	if release.Version != 2 || len(release.Builds) != 1 || release.Checksum["algorithm"] != "sha256" {
		t.Fatalf("%+v", release)
	}
	b := release.Builds[0]
	if !slices.Contains(b.Env, "CGO_ENABLED=0") || !slices.Contains(b.Flags, "-trimpath") || b.Timestamp != "{{ .CommitTimestamp }}" {
		t.Errorf("%+v", b)
	}
	for _, os := range []string{"linux", "darwin", "freebsd", "openbsd", "windows"} {
		if !slices.Contains(b.Goos, os) {
			t.Errorf("no release for %s", os)
		}
	}
	if !slices.Equal(b.Goarch, []string{"amd64", "arm64"}) {
		t.Errorf("%v", b.Goarch)
	}
}

// The action hands inputs to the shell as variables: as text of the script they
// could say anything. Its scripts are read by the shell that runs them.
func TestActionScripts(t *testing.T) {
	action, text := readAction(t)
	if action.Runs.Using != "composite" || len(action.Runs.Steps) < 3 {
		t.Errorf("%+v", action.Runs)
	}
	for _, used := range regexp.MustCompile(`inputs\.([a-z-]+)`).FindAllStringSubmatch(text, -1) {
		if action.Inputs[used[1]].Description == "" {
			t.Errorf("%s is no input that is described", used[1])
		}
	}
	for _, step := range action.Runs.Steps {
		if (step.Run == "") == (step.Uses == "") || step.Run != "" && step.Shell != "bash" || strings.Contains(step.Run, "${{") {
			t.Errorf("%+v", step)
		}
		if bash, err := exec.LookPath("bash"); err == nil && step.Run != "" {
			cmd := exec.Command(bash, "-n")
			cmd.Stdin = strings.NewReader(step.Run)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", step.Name, err, out)
			}
		}
	}
}

// The image is the static program for a user who is nobody.
func TestContainerfile(t *testing.T) {
	text, err := os.ReadFile("Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"FROM scratch", "USER 65532:65532", `ENTRYPOINT ["/smtplay"]`,
		"COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt"} {
		if !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("it lacks %q", line)
		}
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	goes := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod)
	if !strings.Contains(string(text), "golang:"+string(goes[1])+" ") || !strings.Contains(string(text), "CGO_ENABLED=0") {
		t.Errorf("it is not built statically by Go %s", goes[1])
	}
}
