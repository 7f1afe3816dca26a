package report

import (
	"bytes"
	"html/template"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	mdtext "github.com/yuin/goldmark/text"
)

// markup is Markdown as HTML. Raw HTML in it is left out, and so are links that
// would do something (goldmark's default); a picture, which would have to come
// from somewhere, becomes its words. Headings stand below those of the page.
func markup(markdown string) template.HTML {
	if strings.TrimSpace(markdown) == "" {
		return ""
	}
	all := strings.Split(markdown, "\n")
	for i, line := range all {
		all[i] = Visible(strings.ReplaceAll(strings.TrimSuffix(line, "\r"), "\t", "    "))
	}
	source := []byte(strings.Join(all, "\n"))
	md := goldmark.New(goldmark.WithExtensions(tables{}))
	doc := md.Parser().Parse(mdtext.NewReader(source))
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if h, ok := n.(*ast.Heading); ok && entering {
			h.Level = min(6, h.Level+3)
		}
		return ast.WalkContinue, nil
	})
	withoutPictures(doc)
	var out bytes.Buffer
	if err == nil {
		err = md.Renderer().Render(&out, source, doc)
	}
	if err != nil { // nothing writes to a buffer in vain; then it is shown as it is
		return template.HTML("<p>" + template.HTMLEscapeString(string(source)) + "</p>")
	}
	return template.HTML(out.String())
}

// withoutPictures puts the words of each picture into its place.
func withoutPictures(n ast.Node) {
	for c := n.FirstChild(); c != nil; {
		next := c.NextSibling()
		withoutPictures(c)
		if c.Kind() == ast.KindImage {
			for w := c.FirstChild(); w != nil; w = c.FirstChild() {
				n.InsertBefore(n, c, w)
			}
			n.RemoveChild(n, c)
		}
		c = next
	}
}
