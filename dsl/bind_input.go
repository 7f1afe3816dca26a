package dsl

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"smtplay/dsl/lua51"
	"smtplay/engine/transcript"
)

// maxFile bounds what a script may have read, in bytes.
const maxFile = 64 << 20

func inputVerbs() []*verb {
	return inChapter(chapterInputs, globals(
		&verb{name: "var", doc: "An input, from --var NAME=VALUE or SMTPLAY_VAR_NAME. Without a default it must be given.",
			args:    []param{{name: "name", kind: nameKind}, {name: "default", kind: textKind, optional: true}, {name: "what", kind: textKind, optional: true}},
			example: `var("sender", "james@example.org", "who writes")`, run: func(c *call) int {
				n := c.text(0)
				value, given := c.s.env.Vars[n]
				switch {
				case given:
					c.Push(lua.LString(value))
				case c.arg(1) != lua.LNil:
					c.Push(lua.LString(c.text(1)))
				default:
					value, ok := c.s.script.defaultOf(n)
					if !ok {
						c.wrong("the var %q is not given (--var %s=VALUE)", n, n)
					}
					c.Push(lua.LString(value))
				}
				return 1
			}},
		&verb{name: "secret", doc: "A secret input, from --secret NAME=@FILE, SMTPLAY_SECRET_NAME or a prompt. Never shown.",
			args: []param{{name: "name", kind: nameKind}}, example: `secret "password"`, run: func(c *call) int {
				n := c.text(0)
				value := c.s.env.Secrets[n]
				if value == "" {
					c.wrong("the secret %q is not given (--secret %s=@FILE, or SMTPLAY_SECRET_%s)", n, n, n)
				}
				c.Push(lua.LString(value))
				return 1
			}},
		&verb{name: "file", doc: "The content of a file beside the script, or below its folder.",
			args: []param{{name: "path", kind: textKind}}, run: func(c *call) int {
				b, err := c.home().read(c.text(0))
				if err != nil {
					c.wrong("file %q: %v", c.text(0), err)
				}
				c.Push(lua.LString(b))
				return 1
			}},
		&verb{name: "require", doc: "Loads the module NAME.lua below the script's folder, once a test.",
			args: []param{{name: "name", kind: textKind}}, example: `local who = require "lib/who"`, run: runRequire},
		&verb{name: "unique", doc: "A new token of letters, kept in the transcript as [unique].", run: func(c *call) int {
			c.Push(lua.LString(c.s.unique()))
			return 1
		}},
		messageVerb(),
		&verb{name: "print", whole: true, many: true, doc: "Puts its values into the transcript as a note.",
			args: []param{{name: "values", kind: anyValue, optional: true}}, run: func(c *call) int {
				parts := make([]string, 0, c.GetTop())
				for i := 1; i <= c.GetTop(); i++ {
					if n, ok := c.Get(i).(lua.LNumber); ok {
						parts = append(parts, lua51.FormatNumber(n))
					} else {
						parts = append(parts, c.ToStringMeta(c.Get(i)).String())
					}
				}
				c.s.record(transcript.Note, strings.Join(parts, "\t"))
				return 0
			}},
		&verb{name: "base64.encode", doc: "Base64 in one line.", args: []param{{name: "bytes", kind: textKind}}, example: `base64.encode("\0user\0password")`, run: func(c *call) int {
			c.Push(lua.LString(base64.StdEncoding.EncodeToString([]byte(c.text(0)))))
			return 1
		}},
		&verb{name: "base64.decode", doc: "The bytes that base64 stands for.", args: []param{{name: "text", kind: textKind}}, run: func(c *call) int {
			b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(c.text(0)))
			if err != nil {
				c.RaiseError("base64.decode: %v", err)
			}
			c.Push(lua.LString(b))
			return 1
		}},
	)...)
}

// unique is a token that no other run and no other call gets.
func (s *session) unique() string {
	token := strings.ToLower(rand.Text())
	token = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' { // base32 has 2 to 7
			return 'a' + r - '0'
		}
		return r
	}, token)[:16]
	if s.service == nil {
		s.tokens = append(s.tokens, token)
	}
	s.half.redactor(s).AddToken("unique", token)
	return token
}

// defaultOf is the default of a var that is written out somewhere in the script
// or a module.
func (s *Script) defaultOf(name string) (string, bool) {
	for _, in := range s.needs.Vars {
		if in.Name == name && in.Default != nil {
			return *in.Default, true
		}
	}
	return "", false
}

// read reads a file below the script's folder, and nothing outside it.
func (s *Script) read(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, errors.New("it does not lie below the script's folder")
	}
	f, err := s.files.Open(name)
	if err != nil {
		return nil, pathReason(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, pathReason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, pathReason(err)
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	return b, nil
}

// pathReason says what is wrong with a file, without its path.
func pathReason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	if err != nil && strings.Contains(err.Error(), "escapes") { // os.Root has no name for this error
		return errors.New("it leads out of the script's folder")
	}
	return err
}

// runRequire loads a module once a test.
func runRequire(c *call) int {
	name, home := c.text(0), c.home()
	path := home.modulePath(name) // two folders may have a module of the same name
	if v, ok := c.s.loaded[path]; ok {
		if v == lua.LNil {
			c.wrong("require %q: it is not loaded yet, and needs itself: a module and what it requires lead back to it", name)
		}
		c.Push(v)
		return 1
	}
	module, problems := home.module(name)
	if len(problems) > 0 {
		c.wrong("require %q: %v", name, problems)
	}
	c.s.late = append(c.s.late, module)
	if c.s.loaded == nil {
		c.s.loaded, c.s.homes = map[string]lua.LValue{}, map[string]*Script{}
	}
	c.s.homes[module.source.name] = home
	c.s.loaded[path] = lua.LNil // until it returns
	c.Push(c.s.m.state.Load(module.proto))
	c.Push(lua.LString(name))
	c.Call(1, 1)
	c.s.loaded[path] = lua.LTrue
	if v := c.Get(-1); v != lua.LNil {
		c.s.loaded[path] = v
	}
	c.Pop(1)
	c.Push(c.s.loaded[path])
	return 1
}
