package dsl

import (
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// literalTable is a table constructor whose keys are written out.
type literalTable struct {
	positional []ast.Expr
	named      []field // in the order of the text
}

// field is key = value in a table constructor.
type field struct {
	key   string
	value ast.Expr
	line  int
}

// literal is the value of an expression that can be told without running it:
// a string, a float64, a bool, nil, or a literalTable, whose own values may be
// of any kind.
func literal(e ast.Expr) (value any, ok bool) {
	switch e := e.(type) {
	case *ast.StringExpr:
		return e.Value, true
	case *ast.NumberExpr:
		return numberValue(e.Value)
	case *ast.UnaryMinusOpExpr:
		if n, isNumber := e.Expr.(*ast.NumberExpr); isNumber {
			v, ok := numberValue(n.Value)
			if f, isFloat := v.(float64); isFloat {
				return -f, ok
			}
		}
	case *ast.TrueExpr:
		return true, true
	case *ast.FalseExpr:
		return false, true
	case *ast.NilExpr:
		return nil, true
	case *ast.TableExpr:
		return tableValue(e)
	}
	return nil, false
}

func tableValue(e *ast.TableExpr) (value any, ok bool) {
	var t literalTable
	for _, f := range e.Fields {
		switch key := f.Key.(type) {
		case nil:
			t.positional = append(t.positional, f.Value)
		case *ast.StringExpr:
			t.named = append(t.named, field{key.Value, f.Value, key.Line()})
		default:
			return nil, false
		}
	}
	return t, true
}

// numberValue reads a number as the compiler does, which takes 0010 for 8.
func numberValue(digits string) (value any, ok bool) {
	if n, err := strconv.ParseInt(digits, 0, 64); err == nil {
		return float64(n), true
	}
	f, err := strconv.ParseFloat(digits, 64)
	return f, err == nil
}

// wordOf is a literal as it stands in the source.
func wordOf(e ast.Expr, n node) string {
	if num, ok := e.(*ast.NumberExpr); ok {
		return num.Value
	}
	return n.str
}

// nodeOfExpr is what an expression says by its text alone.
func nodeOfExpr(e ast.Expr) node {
	value, ok := literal(e)
	if !ok {
		return node{}
	}
	switch v := value.(type) {
	case nil:
		return node{kind: nilNode}
	case bool:
		return node{kind: boolNode, truth: v}
	case float64:
		return node{kind: numberNode, num: v}
	case string:
		return node{kind: stringNode, str: v}
	case literalTable:
		n := node{kind: tableNode}
		for _, item := range v.positional {
			n.list = append(n.list, nodeOfExpr(item))
		}
		for _, f := range v.named {
			n.named = append(n.named, namedNode{f.key, nodeOfExpr(f.value)})
		}
		return n
	}
	return node{}
}

// literalArg is the first argument of a call of that name, where it is written out.
func literalArg(c callSite, name string) (string, bool) {
	if c.name != name || !c.global || c.method || c.recv != "" || len(c.args) == 0 {
		return "", false
	}
	v, _ := literal(c.args[0])
	s, ok := v.(string)
	return s, ok
}

func literalOption(c callSite, name string) any {
	if len(c.args) == 0 {
		return nil
	}
	v, _ := literal(c.args[len(c.args)-1])
	t, _ := v.(literalTable)
	for _, f := range t.named {
		if f.key == name {
			v, _ := literal(f.value)
			return v
		}
	}
	return nil
}
