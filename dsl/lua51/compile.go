package lua51

import (
	"fmt"
	"slices"
	"strconv"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// concatName is the global function that a chain of .. calls. No script can write such a name.
const concatName = ".."

// fillName is the one that puts into a table what its constructor ends in.
const fillName = "{}"

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
		*at = constructor(e)
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

// The machine's compiler puts values without a name into a table by the group, as many groups at most as it can count.
const (
	groupSize = 50
	inGroups  = 511 * groupSize
)

// constructor is a table in the way that the machine's compiler gets right. Behind a full group it puts that in again
// with each value that has a name, whose making has overwritten it, and all values of a call or of ... at the end in the
// place of the group. So what would fill the group gets its number for a name, and what stands at the end is put in by a
// builtin.
func constructor(e *ast.TableExpr) ast.Expr {
	full, n := 0, 0 // the number of the value that is the first to get a name, 0 for none; of values without a name
	var rest ast.Expr
	for i, f := range e.Fields {
		switch {
		case f.Key == nil && i == len(e.Fields)-1 && many(f.Value):
			rest = f.Value
		case f.Key == nil:
			n++
		case full == 0 && n > 0 && n%groupSize == 0:
			full = n
		}
	}
	if n > inGroups && (full == 0 || full > inGroups) {
		full = inGroups
	}
	if full == 0 && (rest == nil || n == 0 || n%groupSize != 0) {
		return e
	}
	if rest != nil {
		e.Fields = e.Fields[:len(e.Fields)-1]
	}
	number := 0
	for _, f := range e.Fields {
		if f.Key != nil {
			continue
		}
		if number++; full > 0 && number >= full {
			f.Key = at(&ast.NumberExpr{Value: strconv.Itoa(number)}, f.Value)
		}
	}
	if rest == nil {
		return e
	}
	from := at(&ast.NumberExpr{Value: strconv.Itoa(n)}, rest)
	return at(&ast.FuncCallExpr{Func: at(&ast.IdentExpr{Value: fillName}, e), Args: []ast.Expr{e, from, rest}, AdjustRet: true}, e)
}

// many says whether an expression may be more values than one.
func many(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		return !e.AdjustRet
	case *ast.Comma3Expr:
		return !e.AdjustRet
	}
	return false
}

// at gives a node the place of another.
func at[N ast.PositionHolder](n N, of ast.PositionHolder) N {
	n.SetLine(of.Line())
	n.SetLastLine(of.LastLine())
	return n
}
