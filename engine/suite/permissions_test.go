//go:build unix

package suite_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"smtplay/engine/suite"
)

// place fills a folder of three: what belongs to the script, what is allowed, and what is
// nobody's business.
func place(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"script/own", "script/sub/own", "log/mail.log", "log/other", "log/sub/deep", "secret/key", "mail.log"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"script/out": "../secret/key", "script/in": "sub/own", "script/logged": "../log/mail.log", "script/outside": "../secret",
		"log/out": "../secret/key", "log/round": "sub/deep", "log/folder": "../secret", "log/nowhere": "missing",
		"link": "log", "file": "log/mail.log", "script/loop": "loop",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func places(t *testing.T, dir string, names ...string) []string {
	t.Helper()
	var all []string
	for _, name := range names {
		found, err := suite.Places(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

func TestPermissionsOpen(t *testing.T) {
	t.Parallel()
	dir := place(t)
	if err := syscall.Mkfifo(filepath.Join(dir, "script/pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		reason string
		allow  []string // below dir
		path   string   // D is dir
		want   string   // what the file holds
		err    string   // part of the error; "forbidden D/…": of a ForbiddenError, its flag
	}{
		{"its own file", nil, "own", "script/own", ""},
		{"a folder below its own", nil, "sub/../sub/own", "script/sub/own", ""},
		{"its own, absolute", nil, "D/script/own", "script/own", ""},
		{"a link that stays in its folder", nil, "in", "script/sub/own", ""},
		{"a link out of its folder", nil, "out", "", "which is not in the script's folder, and is read with --allow read=D/secret/key only"},
		{"a folder that is a link out", nil, "outside/key", "", "--allow read=D/secret/key"},
		{"a link to what is allowed", []string{"log"}, "logged", "log/mail.log", ""},
		{"dots out of its folder", nil, "../log/mail.log", "", "D/log/mail.log is not in the script's folder, and is read with --allow read=D/log/mail.log only"},
		{"dots to what is allowed", []string{"log"}, "../log/mail.log", "log/mail.log", ""},
		{"a path elsewhere", nil, "D/log/mail.log", "", "--allow read=D/log/mail.log"},
		{"what does not exist is not told", nil, "D/secret/nothing", "", "--allow read=D/secret/nothing"},
		{"the file that is allowed", []string{"log/mail.log"}, "D/log/mail.log", "log/mail.log", ""},
		{"its neighbour", []string{"log/mail.log"}, "D/log/other", "", "--allow read=D/log/other"},
		{"one whose name begins so", []string{"log/mail"}, "D/log/mail.log", "", "--allow read=D/log/mail.log"},
		{"below a folder that is allowed", []string{"log"}, "D/log/sub/deep", "log/sub/deep", ""},
		{"dots out of it", []string{"log"}, "D/log/../secret/key", "", "--allow read=D/secret/key"},
		{"a link in it", []string{"log"}, "D/log/round", "log/sub/deep", ""},
		{"a link out of it", []string{"log"}, "D/log/out", "", "D/log/out leads to D/secret/key, which"},
		{"a link to a folder out of it", []string{"log"}, "D/log/folder/key", "", "--allow read=D/secret/key"},
		{"a link that leads nowhere", []string{"log"}, "D/log/nowhere", "", "file does not exist"},
		{"a folder that is a link is allowed", []string{"link"}, "D/link/mail.log", "log/mail.log", ""},
		{"a file that is a link is allowed", []string{"file"}, "D/file", "log/mail.log", ""},
		{"another link to it is not", []string{"log/mail.log"}, "D/file", "", "--allow read=D/file"},
		{"all is allowed", []string{"/"}, "D/secret/key", "secret/key", ""},
		{"it does not exist", []string{"log"}, "D/log/missing", "", "D/log/missing: no such file"},
		{"its folder does not exist", []string{"log"}, "D/log/no/missing", "", "no such file"},
		{"a pipe", nil, "pipe", "", "it is a pipe, a device or a socket"},
		{"a link to itself", nil, "loop", "", "too many links"},
		{"no path", nil, "", "", "no path"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			var p suite.Permissions
			for _, name := range row.allow {
				if name == "/" {
					p.Read = append(p.Read, "/")
				} else {
					p.Read = append(p.Read, places(t, dir, name)...)
				}
			}
			f, err := p.Open(filepath.Join(dir, "script"), strings.Replace(row.path, "D", dir, 1))
			if err == nil {
				defer f.Close()
			}
			if want := strings.ReplaceAll(row.err, "D/", dir+"/"); row.err != "" {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("got error %v, want one with %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(f); err != nil || string(text) != row.want {
				t.Errorf("read %q, %v", text, err)
			}
		})
	}
}

// Without a folder only absolute paths can be meant, and none is its own.
func TestPermissionsWithoutFolder(t *testing.T) {
	t.Parallel()
	dir := place(t)
	p := suite.Permissions{Read: places(t, dir, "log")}
	if err := p.CanRead("", "own"); err == nil || !strings.Contains(err.Error(), "lies in no folder") {
		t.Errorf("got %v", err)
	}
	if err := p.CanRead("", filepath.Join(dir, "log/mail.log")); err != nil {
		t.Error(err)
	}
	var forbidden *suite.ForbiddenError
	if err := p.CanRead("", filepath.Join(dir, "script/own")); !errors.As(err, &forbidden) || forbidden.Use != suite.UseRead {
		t.Errorf("got %v", err)
	}
}

// The link that an allowed path was may not lead elsewhere later.
func TestPermissionsLaterLink(t *testing.T) {
	t.Parallel()
	dir := place(t)
	log := filepath.Join(dir, "log/mail.log")
	p := suite.Permissions{Read: places(t, dir, "log/mail.log", "log/sub")}
	if err := errors.Join(os.Remove(log), os.Symlink("../secret/key", log)); err != nil {
		t.Fatal(err)
	}
	if f, err := p.Open("", log); err == nil {
		f.Close()
		t.Error("the new link was followed")
	}
	sub := filepath.Join(dir, "log/sub")
	if err := errors.Join(os.Rename(sub, sub+"2"), os.Symlink("../secret", sub)); err != nil {
		t.Fatal(err)
	}
	if f, err := p.Open("", filepath.Join(sub, "key")); err == nil {
		f.Close()
		t.Error("the new folder was followed")
	}
}

func TestPermissionsOpenFolder(t *testing.T) {
	t.Parallel()
	dir := place(t)
	p := suite.Permissions{Read: places(t, dir, "log")}
	root, err := p.OpenFolder("", filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if text, err := root.ReadFile("sub/deep"); err != nil || string(text) != "log/sub/deep" {
		t.Errorf("read %q, %v", text, err)
	}
	if text, err := root.ReadFile("out"); err == nil {
		t.Errorf("led out of the folder: %q", text)
	}
	if _, err := p.OpenFolder("", filepath.Join(dir, "secret")); err == nil {
		t.Error("opened what is not allowed")
	}
}

func TestPermissionsRemove(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ reason, allow, path, err string }{
		{"below a folder", "log", "D/log/sub/deep", ""},
		{"the file", "log/mail.log", "D/log/mail.log", ""},
		{"relative to the script", "log", "../log/mail.log", ""},
		{"its neighbour", "log/mail.log", "D/log/other", "--allow remove=D/log/other"},
		{"the script's own", "log", "own", "--allow remove=D/script/own"},
		{"a folder", "log", "D/log/sub", "is a folder"},
		{"the folder itself", "log", "D/log", "is a folder"},
		{"a link", "log", "D/log/round", "is a link"},
		{"behind a link", "log", "D/log/folder/key", "D/log/folder/key leads to D/secret/key, which is removed with --allow remove=D/secret/key only"},
		{"dots", "log", "D/log/../secret/key", "--allow remove=D/secret/key"},
		{"what is not there", "log", "D/log/missing", "no such file"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			dir := place(t)
			p := suite.Permissions{Read: []string{dir}, Remove: places(t, dir, row.allow)}
			path := strings.Replace(row.path, "D", dir, 1)
			err := p.RemoveFile(filepath.Join(dir, "script"), path)
			if want := strings.ReplaceAll(row.err, "D/", dir+"/"); row.err != "" {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("got error %v, want one with %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, "script", path)
			}
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it is still there: %v", err)
			}
		})
	}
}

func TestPermissionsListen(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		address string
		loop    bool
	}{
		{"127.0.0.1:0", true}, {"127.1.2.3:25", true}, {"[::1]:25", true}, {"::1", true}, {"localhost:25", true}, {"[::ffff:127.0.0.1]:25", true},
		{"0.0.0.0:25", false}, {":25", false}, {"[::]:25", false}, {"192.0.2.1:25", false}, {"localhost.example.com:25", false}, {"", false}, {"mail.example.com:25", false},
	} {
		err := suite.Permissions{}.CanListen(row.address)
		if (err == nil) != row.loop || err != nil && !strings.Contains(err.Error(), "--allow listen only") {
			t.Errorf("%q: %v", row.address, err)
		}
		if err := (suite.Permissions{Listen: true}).CanListen(row.address); err != nil {
			t.Errorf("%q, allowed: %v", row.address, err)
		}
	}
}

func TestForbiddenErrorQuotes(t *testing.T) {
	t.Parallel()
	e := &suite.ForbiddenError{Use: suite.UseRead, Path: "/it's here/$x"}
	if got, want := e.Flag(), `--allow read='/it'\''s here/$x'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
