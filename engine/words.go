package engine

import (
	"fmt"
	"strings"
)

// commandWords splits a command line as a shell does quotes and nothing else:
// blanks part words, '…' keeps all as it is, "…" all but \" and \\, and outside
// of quotes a backslash keeps the next character. What a shell would do with
// | > $ * ; and the like is not done.
func commandWords(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	begun := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ' || c == '\t':
			if begun {
				words = append(words, word.String())
				word.Reset()
			}
			begun = false
		case c == '\'' || c == '"':
			begun = true
			end := closing(s[i+1:], c)
			if end < 0 {
				return nil, fmt.Errorf("the quote %c at %s does not end", c, s[i:])
			}
			inside := s[i+1 : i+1+end]
			if c == '"' {
				inside = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(inside)
			}
			word.WriteString(inside)
			i += end + 1
		case c == '\\' && i+1 < len(s):
			i++
			word.WriteByte(s[i])
			begun = true
		case c == '\\':
			return nil, fmt.Errorf("the command ends in a backslash, which would keep a next character")
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	if len(words) == 0 || words[0] == "" {
		return nil, fmt.Errorf("exec: lacks its command")
	}
	for _, w := range words {
		if strings.ContainsRune(w, 0) {
			return nil, fmt.Errorf("a word of a command holds no NUL")
		}
	}
	return words, nil
}

// closing is where a quote ends, -1 where it does not.
func closing(s string, quote byte) int {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return i
		case s[i] == '\\' && quote == '"':
			i++
		}
	}
	return -1
}
