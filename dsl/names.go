package dsl

import "github.com/yuin/gopher-lua/ast"

// facts are what a script says by its text alone: the globals it uses, and
// what it calls with what.
type facts struct {
	reads  []ref           // globals that are read, each time
	writes map[string]int  // globals that are assigned, with the line of the first time
	locals map[string]bool // the names of all locals, whatever their scope
	calls  []callSite
	uses   []use // of names of every kind, but for those that define a function

	strings map[string][]string // what is written out and assigned, by name
}

// use is a name, and the function in whose body it stands.
type use struct {
	name   string
	within string
}

// ref is a global's name, where it is read.
type ref struct {
	name string
	line int
}

// callSite is a call of NAME, a.NAME, a.b.NAME or x:NAME.
type callSite struct {
	name       string
	method     bool   // x:NAME
	recv       string // "a" or "a.b"; "" of a plain NAME, and where x is no such path
	global     bool   // the callee begins with a global: NAME itself, or a
	args       []ast.Expr
	line       int
	inFunction bool   // not in the top level of the file
	within     string // the innermost function with a name around it, "" for none

	by string // the verb that returned what a method is called on, where that is seen
}

// walk gathers the facts of a chunk, in the order of its text. It goes as deep
// as the chunk is nested, which parseSource bounds.
func walk(chunk []ast.Stmt) facts {
	w := &walker{facts: facts{writes: map[string]int{}, locals: map[string]bool{}, strings: map[string][]string{}}, returned: map[int]string{}}
	w.block(chunk)
	return w.facts
}

// walker is on its way through a chunk.
type walker struct {
	facts
	scoped    []string // the locals in scope here, the innermost last
	functions int      // how many function bodies are around this place
	within    string   // the innermost of them that has a name

	returned map[int]string // the verbs that returned what locals hold, by their places
}

func (w *walker) isLocal(name string) bool { return w.local(name) >= 0 }

// local is the place of a name in scoped, -1 where it is none.
func (w *walker) local(name string) int {
	for i := len(w.scoped) - 1; i >= 0; i-- {
		if w.scoped[i] == name {
			return i
		}
	}
	return -1
}

func (w *walker) declare(names ...string) {
	for _, name := range names {
		delete(w.returned, len(w.scoped))
		w.scoped = append(w.scoped, name)
		w.locals[name] = true
	}
}

// scope does what has a scope of its own.
func (w *walker) scope(inside func()) {
	outer := len(w.scoped)
	inside()
	w.scoped = w.scoped[:outer]
}

func (w *walker) block(stmts []ast.Stmt) {
	w.scope(func() { w.stmts(stmts) })
}

func (w *walker) stmts(stmts []ast.Stmt) {
	for _, s := range stmts {
		w.stmt(s)
	}
}

func (w *walker) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		for _, target := range s.Lhs {
			w.assign(target)
		}
		for i, value := range s.Rhs {
			name := ""
			if i < len(s.Lhs) {
				name = lastName(s.Lhs[i])
			}
			w.value(name, value)
		}
	case *ast.LocalAssignStmt:
		w.declaration(s)
	case *ast.FuncCallStmt:
		w.expr(s.Expr)
	case *ast.DoBlockStmt:
		w.block(s.Stmts)
	case *ast.WhileStmt:
		w.expr(s.Condition)
		w.block(s.Stmts)
	case *ast.RepeatStmt:
		// The condition still sees the locals of the body.
		w.scope(func() {
			w.stmts(s.Stmts)
			w.expr(s.Condition)
		})
	case *ast.IfStmt:
		w.expr(s.Condition)
		w.block(s.Then)
		w.block(s.Else)
	case *ast.NumberForStmt:
		w.exprs([]ast.Expr{s.Init, s.Limit, s.Step})
		w.scope(func() {
			w.declare(s.Name)
			w.stmts(s.Stmts)
		})
	case *ast.GenericForStmt:
		w.exprs(s.Exprs)
		w.scope(func() {
			w.declare(s.Names...)
			w.stmts(s.Stmts)
		})
	case *ast.FuncDefStmt:
		w.define(s)
	case *ast.ReturnStmt:
		w.exprs(s.Exprs)
	case *ast.BreakStmt, *ast.LabelStmt, *ast.GotoStmt:
		// Labels are no variables.
	}
}

func (w *walker) assign(target ast.Expr) {
	switch target := target.(type) {
	case *ast.IdentExpr:
		delete(w.returned, w.local(target.Value)) // whatever it holds now
		if !w.isLocal(target.Value) {
			w.write(target.Value, target.Line())
		}
	case *ast.AttrGetExpr:
		// In t.x = 1 the global t is read; _G.x = 1 assigns the global x too.
		w.exprs([]ast.Expr{target.Object, target.Key})
		key, ok := target.Key.(*ast.StringExpr)
		if first, whole := dotted(target.Object); ok && whole == "_G" && !w.isLocal(first) {
			w.write(key.Value, target.Line())
		}
	}
}

func (w *walker) write(name string, line int) {
	if _, again := w.writes[name]; !again {
		w.writes[name] = line
	}
}

func (w *walker) declaration(s *ast.LocalAssignStmt) {
	// The parser makes the same statement of "local function f" and of
	// "local f = function", and the compiler lets both see f.
	if len(s.Names) == 1 && len(s.Exprs) == 1 {
		if f, ok := s.Exprs[0].(*ast.FunctionExpr); ok {
			w.declare(s.Names[0])
			w.named(s.Names[0], func() { w.function(f) })
			return
		}
	}
	w.exprs(s.Exprs)
	var by []string
	for i, e := range s.Exprs {
		if i < len(s.Names) {
			w.note(s.Names[i], e)
		}
		by = append(by, w.returnedBy(e))
	}
	for i, name := range s.Names {
		w.declare(name)
		if i < len(by) && by[i] != "" {
			w.returned[len(w.scoped)-1] = by[i]
		}
	}
}

// note keeps a string that is written out by the name that it is given.
func (w *walker) note(name string, e ast.Expr) {
	if s, ok := e.(*ast.StringExpr); ok && name != "" {
		w.strings[name] = append(w.strings[name], s.Value)
	}
}

// returnedBy is the verb that an expression calls, where what it returns has
// methods: "connect" of connect(), "listen:take" of listen():take{}.
func (w *walker) returnedBy(e ast.Expr) string {
	call, ok := e.(*ast.FuncCallExpr)
	if !ok {
		return ""
	}
	if call.Func == nil {
		if by := w.holds(call.Receiver); by != "" {
			return by + ":" + call.Method
		}
		return ""
	}
	if name, ok := call.Func.(*ast.IdentExpr); ok && !w.isLocal(name.Value) {
		return name.Value
	}
	return ""
}

// holds is the verb that returned what an expression is, "" where that is not
// seen.
func (w *walker) holds(e ast.Expr) string {
	if name, ok := e.(*ast.IdentExpr); ok && w.isLocal(name.Value) {
		return w.returned[w.local(name.Value)]
	}
	return w.returnedBy(e)
}

func (w *walker) define(s *ast.FuncDefStmt) {
	if s.Name.Func == nil {
		w.expr(s.Name.Receiver)
		w.named(s.Name.Method, func() { w.function(s.Func, "self") })
		return
	}
	w.assign(s.Name.Func)
	w.named(lastName(s.Name.Func), func() { w.function(s.Func) })
}

// named does what stands in the body of a function of that name.
func (w *walker) named(name string, inside func()) {
	outer := w.within
	if name != "" {
		w.within = name
	}
	inside()
	w.within = outer
}

// value is an expression that is given a name, "" where it has none.
func (w *walker) value(name string, e ast.Expr) {
	w.note(name, e)
	if f, ok := e.(*ast.FunctionExpr); ok {
		w.named(name, func() { w.function(f) })
		return
	}
	w.expr(e)
}

// lastName is the b of a.b, and of b.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return e.Value
	case *ast.AttrGetExpr:
		if key, ok := e.Key.(*ast.StringExpr); ok {
			return key.Value
		}
	}
	return ""
}

func (w *walker) function(f *ast.FunctionExpr, implied ...string) {
	w.functions++
	w.scope(func() {
		w.declare(implied...)
		w.declare(f.ParList.Names...)
		w.stmts(f.Stmts)
	})
	w.functions--
}

func (w *walker) exprs(es []ast.Expr) {
	for _, e := range es {
		w.expr(e)
	}
}

func (w *walker) expr(e ast.Expr) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		w.uses = append(w.uses, use{e.Value, w.within})
		if !w.isLocal(e.Value) {
			w.reads = append(w.reads, ref{e.Value, e.Line()})
		}
	case *ast.AttrGetExpr:
		w.uses = append(w.uses, use{lastName(e), w.within})
		w.exprs([]ast.Expr{e.Object, e.Key})
	case *ast.TableExpr:
		for _, f := range e.Fields {
			w.expr(f.Key)
			name := ""
			if key, ok := f.Key.(*ast.StringExpr); ok {
				name = key.Value
			}
			w.value(name, f.Value)
		}
	case *ast.FuncCallExpr:
		w.call(e)
	case *ast.LogicalOpExpr:
		w.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.RelationalOpExpr:
		w.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.StringConcatOpExpr:
		w.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.ArithmeticOpExpr:
		w.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.UnaryMinusOpExpr:
		w.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		w.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		w.expr(e.Expr)
	case *ast.FunctionExpr:
		w.function(e)
	}
}

func (w *walker) call(e *ast.FuncCallExpr) {
	site, simple := w.site(e)
	if e.Func != nil {
		w.expr(e.Func)
	} else {
		w.uses = append(w.uses, use{e.Method, w.within})
		w.expr(e.Receiver)
	}
	if simple {
		w.calls = append(w.calls, site)
	}
	w.exprs(e.Args)
}

// site describes a call; simple is false where what is called has no name.
func (w *walker) site(e *ast.FuncCallExpr) (site callSite, simple bool) {
	site = callSite{args: e.Args, line: e.Line(), inFunction: w.functions > 0, within: w.within}
	var first string
	switch callee := e.Func.(type) {
	case nil:
		site.name, site.method = e.Method, true
		first, site.recv = dotted(e.Receiver)
	case *ast.IdentExpr:
		site.name, first = callee.Value, callee.Value
	case *ast.AttrGetExpr:
		key, ok := callee.Key.(*ast.StringExpr)
		first, site.recv = dotted(callee.Object)
		if !ok || first == "" {
			return callSite{}, false
		}
		site.name = key.Value
	default:
		return callSite{}, false
	}
	site.global = first != "" && !w.isLocal(first)
	if site.method {
		site.by = w.holds(e.Receiver)
	}
	return site, true
}

// dotted is the "a.b" of an expression that is nothing but names, and its first
// name; both are "" of any other.
func dotted(e ast.Expr) (first, whole string) {
	rest := ""
	for {
		switch part := e.(type) {
		case *ast.IdentExpr:
			return part.Value, part.Value + rest
		case *ast.AttrGetExpr:
			key, ok := part.Key.(*ast.StringExpr)
			if !ok {
				return "", ""
			}
			e, rest = part.Object, "."+key.Value+rest
		default:
			return "", ""
		}
	}
}
