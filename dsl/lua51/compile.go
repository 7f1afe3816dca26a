package lua51

import (
	"fmt"
	"slices"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// concatName is the global function that a chain of .. calls. No script can write such a name.
const concatName = ".."

// Compile makes the code of a parsed chunk, which it changes: each a .. b calls a builtin. The machine's own operator
// knows no bound, so that a string which doubles fills the memory before anybody looks, and writes numbers in another
// form than 5.1. What the machine's compiler gets wrong is said in another way; see the package. Compiling a chunk again
// makes the same code.
func Compile(chunk []ast.Stmt, name string) (*lua.FunctionProto, error) {
	mendStmts(chunk)
	return lua.Compile(chunk, name)
}

func mendStmts(stmts []ast.Stmt) {
	for i, s := range stmts {
		switch s := s.(type) {
		case *ast.AssignStmt:
			mendExprs(s.Lhs)
			mendExprs(s.Rhs)
			stmts[i] = assignment(s)
		case *ast.LocalAssignStmt:
			mendExprs(s.Exprs)
		case *ast.FuncCallStmt:
			mendExpr(&s.Expr)
		case *ast.DoBlockStmt:
			mendStmts(s.Stmts)
		case *ast.WhileStmt:
			mendExpr(&s.Condition)
			mendStmts(s.Stmts)
		case *ast.RepeatStmt:
			mendExpr(&s.Condition)
			mendStmts(s.Stmts)
		case *ast.IfStmt:
			mendExpr(&s.Condition)
			mendStmts(s.Then)
			mendStmts(s.Else)
		case *ast.NumberForStmt:
			mendExpr(&s.Init)
			mendExpr(&s.Limit)
			mendExpr(&s.Step)
			mendStmts(s.Stmts)
		case *ast.GenericForStmt:
			mendExprs(s.Exprs)
			mendStmts(s.Stmts)
		case *ast.FuncDefStmt:
			mendStmts(s.Func.Stmts)
		case *ast.ReturnStmt:
			mendExprs(s.Exprs)
		}
	}
}

func mendExprs(exprs []ast.Expr) {
	for i := range exprs {
		mendExpr(&exprs[i])
	}
}

func mendExpr(at *ast.Expr) {
	switch e := (*at).(type) {
	case *ast.AttrGetExpr:
		mendExpr(&e.Object)
		mendExpr(&e.Key)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			mendExpr(&f.Key)
			mendExpr(&f.Value)
		}
		if n := len(e.Fields); n > 0 && e.Fields[n-1].Key != nil {
			one(e.Fields[n-1].Value) // whose values would be counted among those without a name
		}
	case *ast.FuncCallExpr:
		mendExpr(&e.Func)
		mendExpr(&e.Receiver)
		mendExprs(e.Args)
	case *ast.LogicalOpExpr:
		mendExpr(&e.Lhs)
		mendExpr(&e.Rhs)
	case *ast.RelationalOpExpr:
		mendExpr(&e.Lhs)
		mendExpr(&e.Rhs)
	case *ast.ArithmeticOpExpr:
		mendExpr(&e.Lhs)
		mendExpr(&e.Rhs)
	case *ast.UnaryMinusOpExpr:
		mendExpr(&e.Expr)
	case *ast.UnaryNotOpExpr:
		mendExpr(&e.Expr)
	case *ast.UnaryLenOpExpr:
		mendExpr(&e.Expr)
	case *ast.FunctionExpr:
		mendStmts(e.Stmts)
	case *ast.StringConcatOpExpr:
		*at = concatCall(e)
	}
}

// concatCall is a whole chain a .. b .. c as one call.
func concatCall(e *ast.StringConcatOpExpr) ast.Expr {
	call := at(&ast.FuncCallExpr{Func: at(&ast.IdentExpr{Value: concatName}, e), AdjustRet: true}, e)
	var rest ast.Expr = e
	for {
		chain, ok := rest.(*ast.StringConcatOpExpr)
		if !ok {
			break
		}
		call.Args = append(call.Args, one(chain.Lhs))
		rest = chain.Rhs
	}
	call.Args = append(call.Args, one(rest))
	mendExprs(call.Args)
	return call
}

// one is an operand as an argument: the last one's further values are dropped.
func one(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
	return e
}

// assignment is an assignment in the way that the machine's compiler gets right. It reads what stands on the right
// only when it has assigned what stands further left (a, b = b, a), and puts the function of x = (f(x)) in the place of
// x, where that is the last parameter, before the arguments are read.
func assignment(s *ast.AssignStmt) ast.Stmt {
	if len(s.Lhs) == 1 && len(s.Rhs) == 1 {
		if call, ok := s.Rhs[0].(*ast.FuncCallExpr); ok {
			call.AdjustRet = false // all but its first value is dropped anyway
		}
		return s
	}
	block := &ast.DoBlockStmt{}
	var to []ast.Expr // whose tables and keys are known
	for i, e := range s.Lhs {
		if place, ok := e.(*ast.AttrGetExpr); ok {
			table, key := fmt.Sprintf("(table %d)", i), fmt.Sprintf("(key %d)", i)
			block.Stmts = append(block.Stmts, &ast.LocalAssignStmt{Names: []string{table, key}, Exprs: []ast.Expr{place.Object, place.Key}})
			e = at(&ast.AttrGetExpr{Object: at(&ast.IdentExpr{Value: table}, e), Key: at(&ast.IdentExpr{Value: key}, e)}, e)
		}
		to = append(to, e)
	}
	values := &ast.LocalAssignStmt{Exprs: s.Rhs}
	for i := range s.Lhs {
		values.Names = append(values.Names, fmt.Sprintf("(value %d)", i))
	}
	block.Stmts = append(block.Stmts, values)
	for i, e := range slices.Backward(to) {
		block.Stmts = append(block.Stmts, &ast.AssignStmt{Lhs: []ast.Expr{e}, Rhs: []ast.Expr{at(&ast.IdentExpr{Value: values.Names[i]}, e)}})
	}
	for _, inner := range block.Stmts {
		at(inner, s)
	}
	return at(block, s)
}

// at gives a node the place of another.
func at[N ast.PositionHolder](n N, of ast.PositionHolder) N {
	n.SetLine(of.Line())
	n.SetLastLine(of.LastLine())
	return n
}
