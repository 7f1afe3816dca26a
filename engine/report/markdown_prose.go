package report

import (
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer/html"
	mdtext "github.com/yuin/goldmark/text"
)

// nested makes of somebody's Markdown such that stays below a heading of that
// level: its own headings stand deeper, HTML is text, pictures are links, and
// nothing that it opens takes in what comes after it. What cannot be made so, or
// has links that would do something, is shown as it is written. headings are those that it has.
func nested(markdown string, level int) (text string, headings []string) {
	if strings.TrimSpace(markdown) == "" {
		return "", nil
	}
	all := strings.Split(strings.Trim(markdown, "\r\n"), "\n")
	for i, line := range all {
		all[i] = Visible(strings.ReplaceAll(strings.TrimRight(line, "\r"), "\t", "    "))
	}
	text = strings.Join(all, "\n")
	for range 4 { // what is no HTML any more may be something else, as a heading
		p := &proseParser{source: text, level: level}
		switch edits, ok := p.parse(); {
		case !ok:
			return fenced("text", all), nil
		case len(edits) == 0:
			return text, p.headings
		default:
			text = applied(text, edits)
		}
	}
	return fenced("text", all), nil
}

// edit replaces a piece of a text.
type edit struct {
	start, end int
	by         string
}

func applied(text string, edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.start - b.start })
	var b strings.Builder
	at := 0
	for _, e := range edits {
		if e.start < at {
			continue // within one before: the next round has it
		}
		b.WriteString(text[at:e.start])
		b.WriteString(e.by)
		at = e.end
	}
	b.WriteString(text[at:])
	return b.String()
}

// proseParser finds what has to change in a Markdown text.
type proseParser struct {
	source   string
	level    int // of the heading that it stands below
	edits    []edit
	headings []string
	nodes    []*ast.Heading
	pictures bool
	stuck    bool // something cannot be changed
}

const sentinel = "end"

// parse is what has to change, and whether that will do.
func (p *proseParser) parse() ([]edit, bool) {
	source := []byte(p.source + "\n\n" + sentinel)
	doc := goldmark.New(goldmark.WithExtensions(tables{})).Parser().Parse(mdtext.NewReader(source))
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			p.node(n)
		}
		return ast.WalkContinue, nil
	})
	last, ok := doc.LastChild().(*ast.Paragraph)
	apart := ok && string(last.Lines().Value(source)) == sentinel
	p.deepen()
	if p.pictures {
		p.unpicture()
	}
	return p.edits, err == nil && !p.stuck && (apart || len(p.edits) > 0)
}

func (p *proseParser) node(n ast.Node) {
	switch n := n.(type) {
	case *ast.Heading:
		p.nodes = append(p.nodes, n)
	case *ast.HTMLBlock:
		for i := range n.Lines().Len() {
			line := n.Lines().At(i)
			p.escape(line.Start, line.Stop)
		}
		if n.HasClosure() {
			p.escape(n.ClosureLine.Start, n.ClosureLine.Stop)
		}
	case *ast.RawHTML:
		start := n.Segments.At(0).Start
		p.edits = append(p.edits, edit{start, start, `\`})
	case *ast.Image:
		p.pictures = true
	case *ast.Link:
		p.stuck = p.stuck || html.IsDangerousURL(n.Destination)
	case *ast.AutoLink:
		p.stuck = p.stuck || html.IsDangerousURL(n.URL([]byte(p.source)))
	}
}

// escape makes text of the tags in a line.
func (p *proseParser) escape(start, stop int) {
	stop = min(stop, len(p.source))
	for i := start; i < stop; i++ {
		if p.source[i] == '<' {
			p.edits = append(p.edits, edit{i, i, `\`})
		}
	}
}

func (p *proseParser) unpicture() {
	for i := 0; i+1 < len(p.source); i++ {
		switch {
		case p.source[i] == '\\':
			i++
		case p.source[i] == '!' && p.source[i+1] == '[':
			p.edits = append(p.edits, edit{i, i, `\`})
		}
	}
}

// deepen puts the headings below that of the script, one level at a step.
func (p *proseParser) deepen() {
	var levels []int
	for _, h := range p.nodes {
		levels = append(levels, h.Level)
	}
	slices.Sort(levels)
	levels = slices.Compact(levels)
	before := p.level
	for _, h := range p.nodes {
		rank, _ := slices.BinarySearch(levels, h.Level)
		want := min(6, p.level+1+rank, before+1)
		before = want
		if h.Lines().Len() != 1 {
			p.stuck = true // without a text, or with one of several lines
			return
		}
		line := h.Lines().At(0)
		p.headings = append(p.headings, p.source[line.Start:line.Stop])
		p.relevel(h, line, want)
	}
}

func (p *proseParser) relevel(h *ast.Heading, line mdtext.Segment, want int) {
	marks := strings.Repeat("#", want)
	head := strings.TrimRight(p.source[:line.Start], " ")
	if run := len(head) - len(strings.TrimRight(head, "#")); run > 0 {
		if run != want {
			p.edits = append(p.edits, edit{len(head) - run, len(head), marks})
		}
		return
	}
	// It is underlined.
	_, rest, _ := strings.Cut(p.source[line.Stop-1:], "\n")
	under, _, _ := strings.Cut(rest, "\n")
	end := len(p.source) - len(rest) + len(strings.TrimRight(under, " "))
	start := end - len(strings.TrimRight(under, " ")) + len(strings.TrimRight(strings.TrimRight(under, " "), "=-"))
	p.edits = append(p.edits, edit{line.Start, line.Start, marks + " "}, edit{start, end, ""})
}
