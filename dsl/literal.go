package dsl

import (
	"regexp"
	"strings"
	"sync"

	"github.com/yuin/gopher-lua/parse"
)

// token is one lexical element of a script.
type token struct {
	kind       int    // as the parser numbers them: parse.TIdent …, or the byte of an operator
	value      string // of a string what it stands for, of all else what is written
	line       int    // from 1
	column     int    // in bytes, from 1
	start, end int    // the bytes of the source it takes, end not included
}

// lexer takes a source apart with the parser's own scanner, so that strings,
// comments and long brackets end here exactly where they end there.
type lexer struct {
	src     string
	scanner *parse.Scanner
	state   parse.Lexer
	lines   []int // where each line starts
}

func newLexer(src string) *lexer {
	return &lexer{src: src, scanner: parse.NewScanner(strings.NewReader(src), ""), lines: lineStarts(src)}
}

// next is the next token, with kind parse.EOF after the last. With an error it
// is the one that could not be read, from its start to where reading stopped.
func (lx *lexer) next() (token, error) {
	t, err := lx.scanner.Scan(&lx.state)
	lx.state.PrevTokenType = t.Type
	if t.Pos.Line < 1 || t.Type == parse.EOF && err == nil {
		last := len(lx.lines)
		at := len(lx.src)
		return token{kind: parse.EOF, line: last, column: at - lx.lines[last-1] + 1, start: at, end: at}, err
	}
	start := lx.offset(t.Pos.Line, t.Pos.Column-1)
	end := len(lx.src)
	if p := lx.scanner.Pos; p.Line > 0 {
		end = lx.offset(p.Line, p.Column)
	}
	read := token{kind: t.Type, line: t.Pos.Line, column: t.Pos.Column, start: start, end: end}
	if read.value = t.Str; t.Type != parse.TString {
		read.value = lx.src[start:end]
	}
	return read, err
}

func (lx *lexer) offset(line, column int) int {
	return min(lx.lines[min(line, len(lx.lines))-1]+column, len(lx.src))
}

// lineStarts has the offset of each line's first byte. A line ends as the
// scanner has it: \n, \r, \r\n and \n\r are one line end each.
func lineStarts(src string) []int {
	starts := []int{0}
	for i := 0; i < len(src); i++ {
		if c := src[i]; c == '\n' || c == '\r' {
			if i+1 < len(src) && src[i+1] == '\n'+'\r'-c {
				i++
			}
			starts = append(starts, i+1)
		}
	}
	return starts
}

// unreadable is what stops a lexer: a token that is none.
type unreadable struct {
	token
	cause error
}

func (u *unreadable) Error() string { return u.cause.Error() }

// lex is all of src's tokens without the end of file, up to the first that
// cannot be read.
func lex(src string) ([]token, *unreadable) {
	lx := newLexer(src)
	var toks []token
	for {
		t, err := lx.next()
		if err != nil {
			return toks, &unreadable{t, err}
		}
		if t.kind == parse.EOF {
			return toks, nil
		}
		toks = append(toks, t)
	}
}

// columnMap leads from the columns of an expanded source back to those of the
// source as it was written. It has the expanded literals of each line in order.
type columnMap map[int][]expanded

// expanded is one reply literal, in columns. from and to are those of its
// parentheses in the expanded source; first and last are those of the literal's
// own bytes in the user's; lead is how many bytes of ours come before them.
type expanded struct{ from, to, first, last, lead int }

// original is the column where the user wrote what the expanded source has at
// column. Bytes of ours belong to the literal which they enclose.
func (m columnMap) original(line, column int) int {
	ours := 0
	for _, e := range m[line] {
		if column < e.from {
			break
		}
		if column <= e.to {
			return min(max(e.first+column-e.from-e.lead, e.first), e.last)
		}
		ours = e.to - e.last
	}
	return column - ours
}

// expandLiterals writes the reply literals of a script as the calls that they
// are: expect 554 as expect(554), expect 4xx as expect("4xx"). In valid Lua a
// name is never followed by a number, so that valid Lua comes out unchanged.
// Lines keep their number; cols leads back to the user's columns.
func expandLiterals(src string) (out string, cols columnMap) {
	if !mayHoldLiteral(src) {
		return src, nil
	}
	toks, bad := lex(src)
	if bad != nil {
		// The parser says what is wrong, and says it of the true text.
		return src, nil
	}
	return expand(src, toks)
}

// mayHoldLiteral is whether a name, blanks and a digit follow each other
// anywhere, be it in a comment.
func mayHoldLiteral(src string) bool {
	for i := 2; i < len(src); i++ {
		if !isDigit(src[i]) || !isBlank(src[i-1]) {
			continue
		}
		if before := strings.TrimRight(src[:i], " \t"); before != "" && isNameByte(before[len(before)-1]) {
			return true
		}
	}
	return false
}

func expand(src string, toks []token) (string, columnMap) {
	var out strings.Builder
	cols := columnMap{}
	copied, line, ours := 0, 0, 0
	for i := range toks {
		end, pattern := literalAt(src, toks, i)
		if end == 0 {
			continue
		}
		open, shut := "(", ")"
		if pattern {
			open, shut = `("`, `")`
		}
		first := toks[i]
		if first.line != line {
			line, ours = first.line, 0
		}
		// The parenthesis takes the place of the last blank.
		out.WriteString(src[copied : first.start-1])
		out.WriteString(open + src[first.start:end] + shut)
		copied = end
		e := expanded{
			from: first.column - 1 + ours, lead: len(open),
			first: first.column, last: first.column + end - first.start - 1,
		}
		e.to = e.from + len(open) + end - first.start + len(shut) - 1
		ours = e.to - e.last
		cols[line] = append(cols[line], e)
	}
	if copied == 0 {
		return src, nil
	}
	out.WriteString(src[copied:])
	return out.String(), cols
}

// literalAt is the offset where the reply literal ends that begins with token
// i, or 0 where none does.
func literalAt(src string, toks []token, i int) (end int, pattern bool) {
	if !afterName(src, toks, i) {
		return 0, false
	}
	first := toks[i]
	next := i + 1
	switch end = first.start + 3; {
	case isReplyPattern(src[first.start:]):
		// The scanner takes 4xx for a number and a name: the name must end
		// where the pattern does.
		pattern = true
		for next < len(toks) && toks[next].start < end {
			next++
		}
	case isWholeNumber(src, first):
		end = first.end
	default:
		return 0, false
	}
	if next < len(toks) && continuesCall(toks[next].kind) {
		return 0, false
	}
	return end, pattern
}

// joinPatterns makes one token of each reply pattern after a name, for which
// the scanner has two.
func joinPatterns(src string, toks []token) []token {
	joined := toks[:0:0]
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		if afterName(src, toks, i) && isReplyPattern(src[t.start:]) {
			t.end = t.start + 3
			t.value = src[t.start:t.end]
			for i+1 < len(toks) && toks[i+1].start < t.end {
				i++
			}
		}
		joined = append(joined, t)
	}
	return joined
}

// afterName is whether token i is a number that follows a name, on the same
// line, with nothing but blanks between them.
func afterName(src string, toks []token, i int) bool {
	if i == 0 || toks[i].kind != parse.TNumber || !isDigit(src[toks[i].start]) {
		return false
	}
	name := toks[i-1]
	if name.kind != parse.TIdent || name.end == toks[i].start ||
		strings.Trim(src[name.end:toks[i].start], " \t") != "" {
		return false
	}
	if i < 2 {
		return true
	}
	// The xx of 4xx is no name.
	if before := toks[i-2]; before.kind == parse.TNumber && before.end == name.start {
		return false
	}
	// These make a name out of the next word, and no call.
	switch toks[i-2].kind {
	case parse.TLocal, parse.TFunction, parse.TGoto, parse.TFor:
		return false
	}
	return true
}

// isReplyPattern is whether src begins with three places of a reply code, with
// an x among them, and goes on with something else than a name.
func isReplyPattern(src string) bool {
	if len(src) < 3 || src[0] < '2' || src[0] > '5' {
		return false
	}
	places := src[1:3]
	if strings.Trim(places, "0123456789x") != "" || !strings.Contains(places, "x") {
		return false
	}
	return len(src) == 3 || !isNameByte(src[3])
}

var wholeNumber = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(0[xX][0-9a-fA-F]+|([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?)$`)
})

// isWholeNumber is whether a number is one for Lua 5.1 too, where it may not
// run into a name or a further point: the scanner reads 2y, 1..x and 1e+y.
func isWholeNumber(src string, t token) bool {
	if t.end < len(src) && (isNameByte(src[t.end]) || src[t.end] == '.') {
		return false
	}
	return wholeNumber().MatchString(src[t.start:t.end])
}

// continuesCall is whether a token after a literal would be taken for a
// further call or an index of what the literal's own call returns. Nobody
// means that: it is a slip, and stays an error.
func continuesCall(kind int) bool {
	switch kind {
	case '(', '[', '{', '.', ':', parse.TString, parse.TNumber:
		return true
	}
	return false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isNameByte(c byte) bool {
	return c == '_' || isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
