package paste

import (
	"regexp"
	"sync"
)

// lazyRegexp is a regular expression that is compiled when it is first asked:
// most runs read no pasted session, and all of them would pay for it.
type lazyRegexp struct{ compiled func() *regexp.Regexp }

// lazily is the expression, which must be one.
func lazily(expr string) *lazyRegexp {
	return &lazyRegexp{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })}
}

func (l *lazyRegexp) Match(b []byte) bool                  { return l.compiled().Match(b) }
func (l *lazyRegexp) MatchString(s string) bool            { return l.compiled().MatchString(s) }
func (l *lazyRegexp) FindSubmatch(b []byte) [][]byte       { return l.compiled().FindSubmatch(b) }
func (l *lazyRegexp) FindSubmatchIndex(b []byte) []int     { return l.compiled().FindSubmatchIndex(b) }
func (l *lazyRegexp) FindStringSubmatch(s string) []string { return l.compiled().FindStringSubmatch(s) }
