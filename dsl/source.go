package dsl

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"smtplay/dsl/lua51"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// What a source may have. Nobody writes by hand what comes near; without a
// bound a file of a megabyte can take the parser's stack, or hours.
const (
	maxSource = 1 << 20 // bytes
	maxDepth  = 1000    // expressions and blocks within each other, operators of one chain included
	maxLookup = 1e9     // words times different words: the compiler looks each up among all, for seconds here
)

// source is one file of a script, parsed. It does not change afterwards.
type source struct {
	name        string
	text        string   // as the user wrote it, but for a byte order mark
	lines       []string // of text, without their ends
	chunk       []ast.Stmt
	title       string // the first line of the leading --- block
	description string // the rest of it, Markdown
	tags        []string
	chapter     string // where the script stands in a document, as suite.ParseChapter reads it
	block       [2]int // the first line of that block, and the line after it
	tokens      func() []token
}

// parseSource makes a source of a file's text, or says what is wrong with it.
// name is what positions call the file.
func parseSource(name string, text []byte) (*source, Problems) {
	if len(text) > maxSource {
		return nil, Problems{{Pos: transcript.Pos{File: name},
			Msg: fmt.Sprintf("the file has %d bytes, more than the %d (1 MiB) that a script may have", len(text), maxSource)}}
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	s := &source{name: name, text: string(text)}
	s.lines = splitLines(s.text)
	problems := s.leadingBlock()
	plain := commentShebang(s.text)
	s.tokens = sync.OnceValue(func() []token {
		toks, _ := lex(plain)
		return joinPatterns(plain, toks)
	})
	out, cols := expandLiterals(plain)
	if deep, ok := tooDeep(out); ok {
		return nil, Problems{s.problem(deep.line, cols.original(deep.line, deep.column),
			fmt.Sprintf("nested too deeply: more than %d levels of blocks, brackets and operators", maxDepth))}
	}
	if all, different := countWords(s.tokens()); all*different > maxLookup {
		return nil, Problems{s.problem(0, 0, fmt.Sprintf("too long: %d names, numbers and strings, %d of them different", all, different))}
	}
	chunk, err := parse.Parse(strings.NewReader(out), name)
	if err == nil && chunk == nil {
		// An empty file has an empty chunk. The parser swallows a panic that
		// is no error, and an empty script would do nothing, and pass.
		err = errors.New("the parser gave up")
	}
	if err != nil {
		return nil, Problems{s.syntaxProblem(plain, cols, err)}
	}
	// The parser takes x = 5y = 6 for two statements; Lua does not.
	for i := range s.tokens() {
		if f, ok := malformedNumber(plain, s.tokens(), i); ok {
			return nil, Problems{s.syntaxProblemAt(f)}
		}
	}
	s.chunk = chunk
	return s, append(problems, s.lostTags()...)
}

// compile makes the code of the source.
func (s *source) compile() (proto *lua.FunctionProto, problems Problems) {
	defer func() {
		// The compiler panics of what it did not foresee.
		if r := recover(); r != nil {
			proto, problems = nil, Problems{s.problem(0, 0, fmt.Sprintf("cannot be compiled: %v", r))}
		}
	}()
	proto, err := lua51.Compile(s.chunk, s.name)
	if err == nil {
		return proto, nil
	}
	var ce *lua.CompileError
	if !errors.As(err, &ce) {
		return nil, Problems{s.problem(0, 0, err.Error())}
	}
	line, word := compilePlace(ce)
	return nil, Problems{s.problem(line, s.find(line, word), ce.Message)}
}

var (
	gotoMessage  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`goto.* at line (\d+)`) })
	labelMessage = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^label '(.*)' already defined`) })
)

// compilePlace is the line that a compiler's error is about, and the word
// there. Of a goto the line is in the text only, of a label it is one too high.
func compilePlace(ce *lua.CompileError) (line int, word string) {
	if m := gotoMessage().FindStringSubmatch(ce.Message); m != nil {
		line, _ = strconv.Atoi(m[1])
		return line, "goto"
	}
	if m := labelMessage().FindStringSubmatch(ce.Message); m != nil {
		return ce.Line - 1, m[1]
	}
	switch {
	case strings.Contains(ce.Message, "break"):
		word = "break"
	case strings.Contains(ce.Message, "'...'"):
		word = "..."
	}
	return ce.Line, word
}

// problem is a Problem of a place in the source. A line that it does not have
// makes one of the whole file.
func (s *source) problem(line, column int, msg string) Problem {
	if line < 1 || line > len(s.lines) {
		line, column = 0, 0
	}
	return Problem{Pos: transcript.Pos{File: s.name, Line: line}, Column: column, Source: s.sourceLine(line), Msg: msg}
}

// sourceLine is line n, from 1, as the user wrote it; "" if there is none.
func (s *source) sourceLine(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// find is the column, from 1, of the first token on a line that is word: a
// name or a number as it is written, a string by what it stands for. It is 0
// if there is none.
func (s *source) find(line int, word string) int {
	for _, t := range s.tokens() {
		if t.line == line && t.value == word {
			return t.column
		}
	}
	return 0
}

// findString is where a string of that value stands on a line: a name may have the
// same letters.
func (s *source) findString(line int, value string) int {
	for _, t := range s.tokens() {
		if t.line == line && t.kind == parse.TString && t.value == value {
			return t.column
		}
	}
	return s.find(line, value)
}

func countWords(toks []token) (all, different int) {
	seen := map[string]bool{}
	for _, t := range toks {
		switch t.kind {
		case parse.TIdent, parse.TNumber, parse.TString:
			all++
			seen[t.value] = true
		}
	}
	return all, len(seen)
}

// findOption is the column of an option's name on a line: of the token that "="
// follows, for a verb may have the same name.
func (s *source) findOption(line int, name string) int {
	toks := s.tokens()
	for i, t := range toks {
		if t.line == line && t.value == name && i+1 < len(toks) && toks[i+1].value == "=" {
			return t.column
		}
	}
	return s.find(line, name)
}

func splitLines(text string) []string {
	starts := lineStarts(text)
	lines := make([]string, len(starts))
	for i, start := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		lines[i] = strings.TrimRight(text[start:end], "\r\n")
	}
	return lines
}

// commentShebang makes a comment of a #! line, in as many bytes. What follows
// the dashes must not open a long comment.
func commentShebang(text string) string {
	if !strings.HasPrefix(text, "#!") {
		return text
	}
	rest := text[2:]
	if strings.HasPrefix(rest, "[") {
		rest = " " + rest[1:]
	}
	return "--" + rest
}

// chapterLine is a line of the leading block that says where the script stands in
// a document. One without a number is prose.
func chapterLine(said string) (chapter string, ok bool) {
	chapter, ok = strings.CutPrefix(strings.TrimSpace(said), "chapter:")
	chapter = strings.TrimSpace(chapter)
	return chapter, ok && chapter != "" && chapter[0] >= '0' && chapter[0] <= '9'
}

// leadingBlock reads title, description, tags and chapter of a script.
func (s *source) leadingBlock() (problems Problems) {
	lines, first := s.lines, 1
	skip := func() { lines, first = lines[1:], first+1 }
	if len(lines) > 0 && strings.HasPrefix(lines[0], "#!") {
		skip()
	}
	for len(lines) > 0 && strings.TrimSpace(lines[0]) == "" {
		skip()
	}
	var block []string
	s.block = [2]int{first, first}
	for i, l := range lines {
		said, ok := strings.CutPrefix(strings.TrimLeft(l, " \t"), "---")
		if !ok || strings.HasPrefix(said, "-") {
			break
		}
		s.block[1] = first + i + 1
		if given, ok := tagsLine(said); ok {
			tags, err := suite.SplitTags(given)
			if err != nil {
				problems = append(problems, s.problem(first+i, strings.Index(l, "tags:")+1, err.Error()))
			}
			s.tags = union(s.tags, tags)
			continue
		}
		if chapter, ok := chapterLine(said); ok {
			if _, ok := suite.ParseChapter(chapter); !ok {
				problems = append(problems, s.problem(first+i, strings.Index(l, "chapter:")+1, "a chapter has a number and a title, as in --- chapter: 2.1 Logging in"))
			} else if s.chapter != "" {
				problems = append(problems, s.problem(first+i, strings.Index(l, "chapter:")+1, "a script stands in one chapter, and this is its second"))
			}
			s.chapter = chapter
			continue
		}
		// Notes for a language server are none for the reader.
		if !strings.HasPrefix(strings.TrimSpace(said), "@") {
			block = append(block, strings.TrimRight(strings.TrimPrefix(said, " "), " \t"))
		}
	}
	title, description, _ := strings.Cut(strings.TrimLeft(strings.Join(block, "\n"), "\n"), "\n")
	s.title, s.description = strings.TrimSpace(title), strings.Trim(description, "\n")
	return problems
}

// union is the tags of both, each once, in order.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// level is an open block or bracket, or the file.
type level struct {
	chain   int // operators, calls and indexes of the expression under way: each may be a step down
	elseifs int // those of the if whose branch this is: each is an if within the one before
}

// tooDeep is the token, if any, where the tree of a source gets deeper than
// maxDepth: parser and compiler descend it on the stack, and are quadratic in
// the length of a chain of "..".
func tooDeep(src string) (token, bool) {
	lx := newLexer(src)
	open := []level{{}}
	depth := 0
	operand := false // whether the token before ends an expression
	for {
		t, err := lx.next()
		if err != nil || t.kind == parse.EOF {
			return token{}, false
		}
		if closes(t.kind) && len(open) > 1 { // else the parser is going to refuse it
			left := open[len(open)-1]
			open = open[:len(open)-1]
			depth -= 1 + left.chain + left.elseifs
			if t.kind == parse.TElseIf || t.kind == parse.TElse {
				open[len(open)-1].elseifs += left.elseifs + 1
				depth += left.elseifs + 1
			}
		}
		top := &open[len(open)-1]
		switch {
		case startsAnew(t.kind, operand):
			depth -= top.chain
			top.chain = 0
		case descends(t.kind, operand):
			top.chain++
			depth++
		}
		if opens(t.kind) {
			entered := level{}
			if t.kind == parse.TThen || t.kind == parse.TElse {
				entered.elseifs, top.elseifs = top.elseifs, 0
			}
			open = append(open, entered)
			depth++
		}
		if depth > maxDepth {
			return t, true
		}
		operand = endsOperand(t.kind)
	}
}

func opens(kind int) bool {
	switch kind {
	case '(', '[', '{', parse.TFunction, parse.TDo, parse.TThen, parse.TElse, parse.TRepeat:
		return true
	}
	return false
}

func closes(kind int) bool {
	switch kind {
	case ')', ']', '}', parse.TEnd, parse.TElse, parse.TElseIf, parse.TUntil:
		return true
	}
	return false
}

func endsOperand(kind int) bool {
	switch kind {
	case parse.TIdent, parse.TNumber, parse.TString, parse.T3Comma, parse.TTrue, parse.TFalse, parse.TNil,
		')', ']', '}', parse.TEnd:
		return true
	}
	return false
}

// startsAnew is whether a token begins a statement or the next of a list's
// expressions.
func startsAnew(kind int, afterOperand bool) bool {
	switch kind {
	case ',', ';', '=', parse.T2Colon, parse.TLocal, parse.TIf, parse.TElse, parse.TElseIf, parse.TThen, parse.TDo,
		parse.TWhile, parse.TFor, parse.TIn, parse.TRepeat, parse.TUntil, parse.TReturn, parse.TBreak, parse.TGoto:
		return true
	case parse.TIdent, parse.TFunction:
		return afterOperand
	}
	return false
}

// descends is whether a token makes the tree of its expression deeper.
func descends(kind int, afterOperand bool) bool {
	switch kind {
	case '+', '-', '*', '/', '%', '^', '#', '<', '>', '.', ':', parse.T2Comma, parse.TEqeq, parse.TNeq,
		parse.TLte, parse.TGte, parse.TAnd, parse.TOr, parse.TNot:
		return true
	case '(', '[', '{', parse.TString:
		return afterOperand
	}
	return false
}
