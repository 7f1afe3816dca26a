package report

import (
	"bytes"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	mdtext "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// tables are the tables of GitHub Flavored Markdown (section 4.10), as goldmark's
// own extension makes them. Whoever imports that compiles the patterns of all
// extensions when the program starts, a quarter of what a short run takes: the
// tests hold the two against each other instead.
type tables struct{}

// Extend implements goldmark.Extender.
func (t tables) Extend(md goldmark.Markdown) {
	md.Parser().AddOptions(
		parser.WithParagraphTransformers(util.Prioritized(t, 200)),
		parser.WithASTTransformers(util.Prioritized(escapedPipes{}, 0)),
	)
	md.Renderer().AddOptions(renderer.WithNodeRenderers(util.Prioritized(t, 500)))
}

// Transform makes a table of the end of a paragraph that has a delimiter row.
func (tables) Transform(p *ast.Paragraph, reader mdtext.Reader, _ parser.Context) {
	source, lines := reader.Source(), p.Lines()
	for i := 1; i < lines.Len(); i++ {
		line := lines.At(i)
		columns := delimiters(line.Value(source))
		if columns == nil {
			continue
		}
		header := tableCells(lines.At(i-1), source)
		if len(header) > len(columns) {
			return
		}
		table := east.NewTable()
		table.Alignments = columns
		table.SetPos(p.Pos())
		table.AppendChild(table, east.NewTableHeader(tableRow(header, columns)))
		for j := i + 1; j < lines.Len(); j++ {
			table.AppendChild(table, tableRow(tableCells(lines.At(j), source), columns))
		}
		p.Parent().InsertAfter(p.Parent(), p, table)
		if i == 1 {
			p.Parent().RemoveChild(p.Parent(), p)
			return
		}
		lines.SetSliced(0, i-1)
		last := lines.At(i - 2)
		last.Stop-- // the line break
		lines.Set(i-2, last)
		return
	}
}

// delimiters are the alignments that a delimiter row gives to its columns; nil if
// the line is none.
func delimiters(line []byte) []east.Alignment {
	if width, _ := util.IndentWidth(line, 0); width > 3 {
		return nil
	}
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return nil
	}
	line = bytes.TrimSuffix(bytes.TrimPrefix(line, []byte("|")), []byte("|"))
	var columns []east.Alignment
	for cell := range bytes.SplitSeq(line, []byte("|")) {
		cell = bytes.TrimSpace(cell)
		marks, left := bytes.CutPrefix(cell, []byte(":"))
		marks, right := bytes.CutSuffix(marks, []byte(":"))
		switch {
		case len(marks) == 0 || len(bytes.Trim(marks, "-")) > 0:
			return nil
		case left && right:
			columns = append(columns, east.AlignCenter)
		case left:
			columns = append(columns, east.AlignLeft)
		case right:
			columns = append(columns, east.AlignRight)
		default:
			columns = append(columns, east.AlignNone)
		}
	}
	return columns
}

// tableCells are what stands between the pipes of a row that are not escaped.
func tableCells(line mdtext.Segment, source []byte) []mdtext.Segment {
	line = line.TrimLeftSpace(source)
	line = line.TrimRightSpace(source)
	text, at := line.Value(source), 0
	if bytes.HasPrefix(text, []byte("|")) {
		at = 1
	}
	end := len(text)
	if bytes.HasSuffix(text, []byte("|")) {
		end--
	}
	var cells []mdtext.Segment
	for at < end {
		stop := at
		for stop < end && (text[stop] != '|' || stop > 0 && text[stop-1] == '\\') {
			stop++
		}
		cell := mdtext.NewSegment(line.Start+at, line.Start+stop)
		cell = cell.TrimLeftSpace(source)
		cells = append(cells, cell.TrimRightSpace(source))
		at = stop + 1
	}
	return cells
}

// tableRow has a cell for each column: those too many are left out, and those that
// are missing are empty.
func tableRow(cells []mdtext.Segment, columns []east.Alignment) *east.TableRow {
	row := east.NewTableRow(columns)
	for i, alignment := range columns {
		cell := east.NewTableCell()
		if i < len(cells) {
			cell.Alignment = alignment
			cell.Lines().Append(cells[i])
		}
		row.AppendChild(row, cell)
	}
	return row
}

// escapedPipes takes the backslash from each \| in the code of a table, where
// Markdown would keep it.
type escapedPipes struct{}

// Transform implements parser.ASTTransformer.
func (escapedPipes) Transform(doc *ast.Document, reader mdtext.Reader, _ parser.Context) {
	// It reports no error, for none of these does.
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering && n.Kind() == east.KindTableCell {
			return ast.WalkSkipChildren, ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
				if entering && n.Kind() == ast.KindCodeSpan {
					unescapePipes(n, reader.Source())
				}
				return ast.WalkContinue, nil
			})
		}
		return ast.WalkContinue, nil
	})
}

func unescapePipes(code ast.Node, source []byte) {
	for c := code.FirstChild(); c != nil; c = c.NextSibling() {
		text, ok := c.(*ast.Text)
		if !ok {
			continue
		}
		at := bytes.Index(text.Segment.Value(source), []byte(`\|`))
		if at < 0 {
			continue
		}
		rest := ast.NewRawTextSegment(text.Segment.WithStart(text.Segment.Start + at + 1))
		text.Segment = text.Segment.WithStop(text.Segment.Start + at)
		code.InsertAfter(code, text, rest)
	}
}

// RegisterFuncs implements renderer.NodeRenderer.
func (tables) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(east.KindTable, element("<table>\n", "</table>\n"))
	r.Register(east.KindTableHeader, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch {
		case entering:
			w.WriteString("<thead>\n<tr>\n")
		case n.NextSibling() != nil:
			w.WriteString("</tr>\n</thead>\n<tbody>\n")
		default:
			w.WriteString("</tr>\n</thead>\n")
		}
		return ast.WalkContinue, nil
	})
	r.Register(east.KindTableRow, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch {
		case entering:
			w.WriteString("<tr>\n")
		case n.NextSibling() == nil:
			w.WriteString("</tr>\n</tbody>\n")
		default:
			w.WriteString("</tr>\n")
		}
		return ast.WalkContinue, nil
	})
	r.Register(east.KindTableCell, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		tag := "td"
		if n.Parent().Kind() == east.KindTableHeader {
			tag = "th"
		}
		switch alignment := n.(*east.TableCell).Alignment; {
		case !entering:
			w.WriteString("</" + tag + ">\n")
		case alignment == east.AlignNone:
			w.WriteString("<" + tag + ">")
		default:
			w.WriteString("<" + tag + ` style="text-align:` + alignment.String() + `">`)
		}
		return ast.WalkContinue, nil
	})
}

func element(start, end string) renderer.NodeRendererFunc {
	return func(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			w.WriteString(start)
		} else {
			w.WriteString(end)
		}
		return ast.WalkContinue, nil
	}
}
