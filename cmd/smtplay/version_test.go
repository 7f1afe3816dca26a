package main

import (
	"os"
	"os/exec"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	built := func(module string, settings ...debug.BuildSetting) *debug.BuildInfo {
		settings = append(settings, debug.BuildSetting{Key: "GOOS", Value: "linux"}, debug.BuildSetting{Key: "GOARCH", Value: "arm64"})
		return &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: module}, Settings: settings}
	}
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	for _, tt := range []struct {
		info *debug.BuildInfo
		want string
		why  string
	}{
		{built("v1.2.3"), "v1.2.3, go1.26.8, linux/arm64", "installed as a module"},
		{built("v1.2.3", revision), "v1.2.3, 0123456789ab, go1.26.8, linux/arm64", "built from a tag"},
		{built("(devel)", revision, debug.BuildSetting{Key: "vcs.modified", Value: "true"}), "devel, 0123456789ab changed, go1.26.8, linux/arm64", "built from what is in no commit"},
		{built("(devel)", revision, debug.BuildSetting{Key: "vcs.modified", Value: "false"}), "devel, 0123456789ab, go1.26.8, linux/arm64", "built from a commit"},
		{built(""), "unknown, go1.26.8, linux/arm64", "a test binary"},
	} {
		if got := version(tt.info); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.why, got, tt.want)
		}
	}
	if got := version(nil); !strings.HasPrefix(got, "unknown, go") {
		t.Errorf("built without modules: %q", got)
	}
}

// The program does little before it knows what to do: a pattern that is compiled
// at the start is paid for by every completion and every hook.
func TestStartsLight(t *testing.T) {
	cmd := exec.Command(plainBinary(t), "version") // itself: the tests have variables of their own
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const most = 96 << 10 // bytes allocated by one package
	packages := 0
	for _, m := range regexp.MustCompile(`(?m)^init (smtplay/\S+) .* (\d+) bytes`).FindAllStringSubmatch(string(out), -1) {
		packages++
		if bytes, err := strconv.Atoi(m[2]); err != nil || bytes > most {
			t.Errorf("%s allocates %s bytes at the start of the program, and may %d: sync.OnceValue makes a thing when it is needed", m[1], m[2], most)
		}
	}
	if packages < 5 {
		t.Errorf("only %d packages were seen:\n%s", packages, out)
	}
}
