package dsl

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/yuin/gopher-lua/parse"

	"smtplay/engine/suite"
)

// tagsLine is what a line of the leading block says of the script's tags, without
// its dashes; ok is false where it is another line.
func tagsLine(said string) (tags string, ok bool) {
	return strings.CutPrefix(strings.TrimSpace(said), "tags:")
}

// Lines that were probably meant to be one. What stands there must be tags too:
// prose may begin with the word.
var (
	misspeltTags = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?i:\s*(?:tags?|tagss|taggs|tgas|tasg|atgs)\s*)[:=](.*)$`)
	})
	misplacedTags = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*(--+)\s*tags:(.*)$`) })
)

// lostTags warns of lines that look as if they gave tests a tag, and give none:
// a test that --tags never chooses is not missed by anybody.
func (s *source) lostTags() (problems Problems) {
	opening := true // only comments and blank lines so far
	var quoted map[int]bool
	for i, l := range s.lines {
		line, trimmed := i+1, strings.TrimSpace(l)
		opening = opening && (trimmed == "" || strings.HasPrefix(trimmed, "--") || i == 0 && strings.HasPrefix(trimmed, "#!"))
		if s.opens(line) {
			said := strings.TrimPrefix(strings.TrimLeft(l, " \t"), "---")
			if _, ok := tagsLine(said); ok {
				continue
			}
			m := misspeltTags().FindStringSubmatch(said)
			if m == nil {
				continue
			}
			if tags, err := suite.SplitTags(m[1]); err == nil {
				p := s.problem(line, len(l)-len(strings.TrimLeft(said, " \t"))+1, "this line is prose, and gives no test a tag")
				p.Hint, p.Warning = fmt.Sprintf("did you mean %q?", "--- tags: "+strings.Join(tags, " ")), true
				problems = append(problems, p)
			}
			continue
		}
		if !strings.Contains(l, "tags:") {
			continue
		}
		m := misplacedTags().FindStringSubmatch(l)
		if m == nil || !opening && m[1] != "---" {
			continue
		}
		if quoted == nil {
			quoted = s.quotedLines()
		}
		if tags, err := suite.SplitTags(m[2]); err == nil && !quoted[line] {
			problems = append(problems, s.lost(line, tags))
		}
	}
	return problems
}

// opens says whether a line is of the comment that opens the file.
func (s *source) opens(line int) bool { return line >= s.block[0] && line < s.block[1] }

// lost is the warning about a line of tags that is not where they count.
func (s *source) lost(line int, tags []string) Problem {
	all := strings.Join(tags, " ")
	p := s.problem(line, strings.Index(s.sourceLine(line), "tags:")+1, "this line gives no test a tag: it is not in the comment of --- that opens the file")
	p.Hint = fmt.Sprintf("put %q there, for all tests of the file; one test has its own: test{ \"name\", tags = %q, function() … end }", "--- tags: "+all, all)
	p.Warning = true
	return p
}

// quotedLines are those that begin inside a string.
func (s *source) quotedLines() map[int]bool {
	lines := map[int]bool{}
	for _, t := range s.tokens() {
		if t.kind == parse.TString {
			for n := range strings.Count(s.text[t.start:min(t.end, len(s.text))], "\n") {
				lines[t.line+1+n] = true
			}
		}
	}
	return lines
}

// untagged warns of tags in a file that is no test.
func (s *source) untagged(why string) Problems {
	if len(s.tags) == 0 {
		return nil
	}
	for line := s.block[0]; line < s.block[1]; line++ {
		if at := strings.Index(s.sourceLine(line), "tags:"); at >= 0 {
			p := s.problem(line, at+1, "this line gives no test a tag: "+why)
			p.Hint, p.Warning = "tags stand in the files of the tests", true
			return Problems{p}
		}
	}
	return nil
}
