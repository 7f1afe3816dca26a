package dsl

import (
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/yuin/gopher-lua/parse"
)

// fault is what is wrong with the grammar of a source, at one of its tokens.
type fault struct {
	at        token
	msg, hint string
}

func (s *source) syntaxProblemAt(f fault) Problem {
	p := s.problem(f.at.line, f.at.column, f.msg)
	p.Hint = f.hint
	return p
}

// syntaxProblem says in the user's words and columns what the parser refused.
// plain is the source as the user wrote it, cols leads to it from what was parsed.
func (s *source) syntaxProblem(plain string, cols columnMap, err error) Problem {
	var refused *parse.Error
	if !errors.As(err, &refused) {
		return s.problem(0, 0, "cannot be parsed: "+err.Error())
	}
	g := grammar{src: plain, toks: s.tokens()}
	// Where a token cannot be read no literal was expanded, and the parser
	// stumbles over the first of them: that is not the user's slip.
	if _, bad := lex(plain); bad != nil {
		return s.syntaxProblemAt(g.lexical(bad))
	}
	i := len(g.toks)
	if line := refused.Pos.Line; line > 0 {
		i = g.tokenAt(line, cols.original(line, refused.Pos.Column))
	}
	return s.syntaxProblemAt(g.explain(i, refused.Message))
}

// grammar looks for the likely slip around the token that the parser refused.
type grammar struct {
	src  string
	toks []token
}

// tokenAt is the index of the token at a place, or of the next one.
func (g grammar) tokenAt(line, column int) int {
	starts := lineStarts(g.src)
	at := starts[min(line, len(starts))-1] + column - 1
	return sort.Search(len(g.toks), func(i int) bool { return g.toks[i].end > at })
}

// kind is the kind of token i, parse.EOF beyond both ends.
func (g grammar) kind(i int) int {
	if i < 0 || i >= len(g.toks) {
		return parse.EOF
	}
	return g.toks[i].kind
}

// text is token i for a message: a number with all that it runs into, of a
// long string the beginning.
func (g grammar) text(i int) string {
	if i >= len(g.toks) {
		return "end of file"
	}
	t := g.toks[i]
	if t.kind == parse.TNumber {
		return wholeWord(g.src, t)
	}
	text, _, cut := strings.Cut(g.src[t.start:t.end], "\n")
	if text = strings.TrimSuffix(text, "\r"); cut || len(text) > 40 {
		text = text[:min(len(text), 40)] + "…"
	}
	return text
}

// quoted is the text of token i, in quotes where it is not a string anyway.
func (g grammar) quoted(i int) string {
	if k := g.kind(i); k == parse.EOF || k == parse.TString {
		return g.text(i)
	}
	return "'" + g.text(i) + "'"
}

// wholeWord is a number with the name bytes and points that touch it.
func wholeWord(src string, t token) string {
	end := t.start
	for end < len(src) && (isNameByte(src[end]) || src[end] == '.') {
		end++
	}
	return src[t.start:end]
}

// lexical says why something is no token at all.
func (g grammar) lexical(bad *unreadable) fault {
	at := bad.token
	switch c := g.src[at.start]; {
	case c == '"' || c == '\'':
		return fault{at, "the string that begins here does not end on its line", fmt.Sprintf("its closing %c is missing; a text of several lines is written [[ … ]]", c)}
	case c == '[':
		return fault{at, "the long string that begins here does not end", ""}
	case c == '-':
		return fault{at, "the long comment that begins here does not end", ""}
	case isDigit(c):
		return fault{at, fmt.Sprintf("malformed number '%s'", wholeWord(g.src, at)), ""}
	}
	rest := g.src[at.start:]
	for _, slip := range foreignSigns {
		if strings.HasPrefix(rest, slip.sign) {
			return fault{at, fmt.Sprintf("unexpected '%s'", slip.sign), slip.hint}
		}
	}
	char, _ := utf8.DecodeRuneInString(rest)
	return fault{at, fmt.Sprintf("unexpected character %q", char), ""}
}

// foreignSigns come from other languages and from word processors.
var foreignSigns = []struct{ sign, hint string }{
	{"!=", "not equal is ~="},
	{"!", "write not"},
	{"&&", "write and"},
	{"||", "write or"},
	{"@", `an address stands in quotes: "james@example.org"`},
	{"\u201c", `a string needs plain quotes: "`}, {"\u201d", `a string needs plain quotes: "`}, {"\u201e", `a string needs plain quotes: "`},
	{"\u2018", "a string needs plain quotes: '"}, {"\u2019", "a string needs plain quotes: '"},
	{"\u00a0", "this is a no-break space: write a plain one"},
}

// explain says what is wrong at token i, where the parser stopped with a
// message of its own.
func (g grammar) explain(i int, message string) fault {
	at := g.fileEnd()
	if i < len(g.toks) {
		at = g.toks[i]
	}
	for j := max(i-2, 0); j <= i; j++ {
		if f, ok := malformedNumber(g.src, g.toks, j); ok {
			return f
		}
	}
	if f, ok := g.aroundLiteral(i); ok {
		return f
	}
	// The parser has this message for an expression, no call, in the place of
	// a statement, and has already read one token more.
	alone := strings.Contains(message, "parse error") || g.kind(i-2) == ':' && g.kind(i-1) == parse.TIdent
	if alone && i > 0 && !isOperator(g.kind(i)) && g.kind(i) != '=' {
		first, words := g.pathBefore(i)
		if words != "" {
			return fault{first, fmt.Sprintf("'%s' alone is no statement", words), g.callOf(words, i)}
		}
		return fault{g.toks[i-1], "the expression that ends here is no statement", ""}
	}
	f := fault{at: at, msg: "unexpected " + g.quoted(i)}
	f.hint = g.hint(i)
	if open, suspect := g.open(i); len(open) > 0 {
		g.unclosed(&f, i, open[len(open)-1], suspect)
	} else if closes(g.kind(i)) {
		f.msg = fmt.Sprintf("this %s closes nothing", g.quoted(i))
	}
	return f
}

// callOf says how a name is called that stands before token i as if it were a
// statement.
func (g grammar) callOf(words string, i int) string {
	if m := gluedPattern().FindStringSubmatch(words); m != nil {
		return fmt.Sprintf("put a blank between: %s %s", m[1], m[2])
	}
	if g.kind(i) == parse.TIdent && g.toks[i].line == g.toks[i-1].line {
		return fmt.Sprintf("text stands in quotes: %s \"…\"", words)
	}
	return fmt.Sprintf("to call it, write %s()", words)
}

// fileEnd is where the last token is: a place that the user can see.
func (g grammar) fileEnd() token {
	if len(g.toks) == 0 {
		return token{line: 1, column: 1}
	}
	return g.toks[len(g.toks)-1]
}

var (
	durationLike = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9.]+(ms|s|m|h)([0-9].*)?$`) })
	gluedPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^((?:\w+[.:])?expect)([2-5][0-9xX]{2})$`) })
	patternLike  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[1-9][0-9]*[xX]`) })
)

// malformedNumber is the fault of token i if it is a number that runs into a
// name or another number.
func malformedNumber(src string, toks []token, i int) (fault, bool) {
	if i >= len(toks) || toks[i].kind != parse.TNumber {
		return fault{}, false
	}
	t := toks[i]
	if afterName(src, toks, i) && isReplyPattern(src[t.start:]) || isWholeNumber(src, t) {
		return fault{}, false
	}
	word := wholeWord(src, t)
	f := fault{at: t, msg: "malformed number '" + word + "'"}
	switch {
	case isReplyPattern(word):
		f.hint = fmt.Sprintf("here a reply pattern needs quotes: %q", word)
	case durationLike().MatchString(word):
		f.hint = fmt.Sprintf("a duration is a string: %q", word)
	case patternLike().MatchString(word):
		f.hint = "a reply pattern has three places, the first 2 to 5, the others digits or x: 4xx, 25x"
	case strings.Contains(word, ".."):
		f.hint = "put a blank before .."
	case strings.Count(word, ".") == 2:
		f.hint = fmt.Sprintf("an enhanced status is a string: %q", word)
	}
	return f, true
}

// aroundLiteral is the fault of a reply literal with something beside it that
// keeps it from being one.
func (g grammar) aroundLiteral(i int) (fault, bool) {
	if i < 1 || i >= len(g.toks) {
		return fault{}, false
	}
	name := g.toks[i-1].value
	switch kind := g.kind(i); {
	case kind == '-' && g.kind(i-1) == parse.TIdent && g.kind(i+1) == parse.TNumber && g.toks[i-1].line == g.toks[i].line:
		return fault{g.toks[i], "unexpected '-'", fmt.Sprintf("a negative number needs parentheses: %s(-%s)", name, g.text(i+1))}, true
	case kind == ',' && afterName(g.src, g.toks, i-1) && g.kind(i+1) == parse.TNumber:
		return fault{g.toks[i], "unexpected ','",
			fmt.Sprintf("any of several is %s{%s, %s}", g.toks[i-2].value, g.listed(i-1), g.listed(i+1))}, true
	case !afterName(g.src, g.toks, i) || !continuesCall(g.kind(i+1)):
		return fault{}, false
	case g.kind(i+1) == parse.TNumber:
		return fault{g.toks[i+1], fmt.Sprintf("unexpected %s after '%s %s'", g.quoted(i+1), name, g.text(i)),
			fmt.Sprintf("any of several is %s{%s, %s}", name, g.listed(i), g.listed(i+1))}, true
	default:
		return fault{g.toks[i+1], fmt.Sprintf("unexpected %s after '%s %s'", g.quoted(i+1), name, g.text(i)),
			fmt.Sprintf("write %s(%s) with parentheses, or end the statement with ;", name, g.listed(i))}, true
	}
}

// listed is a literal as a table or an argument list has it.
func (g grammar) listed(i int) string {
	word := g.text(i)
	if isReplyPattern(word) {
		return fmt.Sprintf("%q", word)
	}
	return word
}

// pathBefore is the NAME or a.NAME that ends before token i, and its first token.
func (g grammar) pathBefore(i int) (first token, words string) {
	for i--; g.kind(i) == parse.TIdent; i -= 2 {
		first, words = g.toks[i], g.toks[i].value+words
		if k := g.kind(i - 1); k != '.' && k != ':' {
			return first, words
		}
		words = g.toks[i-1].value + words
	}
	return token{}, ""
}

// hint is what often helps with an unexpected token.
func (g grammar) hint(i int) string {
	switch kind := g.kind(i); {
	case g.kind(i+1) == '=' && isOperator(kind):
		return fmt.Sprintf("write out what is assigned: x = x %s …", g.text(i))
	case kind == '=':
		return "to compare, write =="
	case kind == parse.TEqeq:
		return "to assign, write ="
	case kind == ',' && g.kind(i-1) == parse.TString && g.kind(i-2) == parse.TIdent:
		_, words := g.pathBefore(i - 1)
		return fmt.Sprintf("several values stand in parentheses: %s(%s, …)", words, g.text(i-1))
	case kind == '#':
		return "a comment begins with --"
	case kind == '/' && g.kind(i+1) == '/':
		return "a comment begins with --"
	}
	return ""
}

// unclosed adds to a fault at token i that a block or bracket before it is
// still open.
func (g grammar) unclosed(f *fault, i int, open token, suspect *token) {
	closer := closerOf(open.kind)
	switch kind := g.kind(i); {
	case kind == parse.EOF || closes(kind):
		f.msg += fmt.Sprintf(": the '%s' of line %d is not closed by '%s'", open.value, open.line, closer)
		if open.kind == parse.TIf && g.kind(g.tokenAt(open.line, open.column)-1) == parse.TElse {
			f.hint = "else if opens a second if, with an end of its own: write elseif"
		}
		if suspect != nil {
			f.hint = fmt.Sprintf("to go by the indentation, it is the '%s' of line %d that lacks its end", suspect.value, suspect.line)
		}
	case kind == parse.TDo && open.kind == parse.TIf:
		f.hint = "the condition of an if ends with then"
	case kind == parse.TThen && (open.kind == parse.TWhile || open.kind == parse.TFor):
		f.hint = "the head of a loop ends with do"
	case len(closer) == 1 && f.hint == "" && endsOperand(g.kind(i-1)):
		f.hint = fmt.Sprintf("a comma before it, or the '%s' to the '%s' of line %d, may be missing", closer, open.value, open.line)
	}
}

func closerOf(kind int) string {
	switch kind {
	case '(':
		return ")"
	case '[':
		return "]"
	case '{':
		return "}"
	case parse.TRepeat:
		return "until"
	}
	return "end"
}

// open are the blocks and brackets that are open at token i. suspect is the
// first whose end stands further left than its own line, as happens when the
// end of a block within was left out.
func (g grammar) open(i int) (open []token, suspect *token) {
	indent := map[int]int{} // the column of each line's first token
	loop := -1              // the index of a while or for that still lacks its do
	for _, t := range g.toks[:min(i, len(g.toks))] {
		if _, ok := indent[t.line]; !ok {
			indent[t.line] = t.column
		}
		switch t.kind {
		case '(', '[', '{', parse.TFunction, parse.TRepeat, parse.TIf:
			open = append(open, t)
		case parse.TWhile, parse.TFor:
			open = append(open, t)
			loop = len(open) - 1
		case parse.TDo:
			if loop != len(open)-1 {
				open = append(open, t)
			}
			loop = -1
		case ')', ']', '}', parse.TEnd, parse.TUntil:
			if len(open) == 0 || closerOf(open[len(open)-1].kind) != t.value {
				continue
			}
			top := open[len(open)-1]
			open = open[:len(open)-1]
			if suspect == nil && t.kind == parse.TEnd && t.column == indent[t.line] && t.column < indent[top.line] {
				suspect = &top
			}
		}
	}
	return open, suspect
}

func isOperator(kind int) bool { return kind != parse.TNot && descends(kind, false) }
