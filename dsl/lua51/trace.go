package lua51

import (
	"fmt"
	"reflect"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// maxFrames bounds a traceback: a script may recurse, and nobody reads more.
const maxFrames = 40

// Frame is one call in a traceback.
type Frame struct {
	File     string // the chunk's name; "" for a Go function
	Line     int    // the line that runs or waits for the call above; 0 for a Go function
	Function string // the name by which it was called, "main chunk", or "<file:line>" of its definition
}

// String is "file:line: in function", or "[Go]: in function".
func (f Frame) String() string {
	if f.File == "" {
		return "[Go]: in " + f.Function
	}
	return fmt.Sprintf("%s:%d: in %s", f.File, f.Line, f.Function)
}

// Position is where the builtin that runs on l was called: the nearest Lua call, outwards and through the coroutines
// that resumed this one. The file is "" and the line 0 when no Lua runs.
func Position(l *lua.LState) (file string, line int) {
	// Nearly always a builtin asks, and the line that called it is one call up.
	if proto, line := caller(l); line > 0 && proto != trampolineProto() {
		return proto.SourceName, line
	}
	for th := l; th != nil && line == 0; th = th.Parent {
		walk(th, func(f *lua.Debug, fn *lua.LFunction) bool {
			if f.CurrentLine > 0 && !isTrampoline(fn) {
				file, line = f.Source, f.CurrentLine
			}
			return line == 0
		})
	}
	return file, line
}

// Traceback is the calls that are going on, the running one first, through all coroutines; at most 40. A tail call
// leaves no trace of its caller, as in Lua.
func Traceback(l *lua.LState) []Frame {
	frames := make([]Frame, 0, 8)
	for th := l; th != nil && len(frames) < maxFrames; th = th.Parent {
		walk(th, func(f *lua.Debug, fn *lua.LFunction) bool {
			switch {
			case isTrampoline(fn):
				// The call above was made by a pcall or a resume; the name that the trampoline has for it says nothing.
				if n := len(frames); n > 0 && frames[n-1].File != "" {
					frames[n-1].Function = definition(frames[n-1].Function)
				}
			case fn.IsG && f.What == "main":
				// The Go function at the bottom, by which State.Call entered.
			case fn.IsG:
				frames = append(frames, Frame{Function: callName(th, f)})
			default:
				frames = append(frames, Frame{File: f.Source, Line: f.CurrentLine, Function: luaName(th, f)})
			}
			return len(frames) < maxFrames
		})
	}
	return frames
}

func callName(l *lua.LState, f *lua.Debug) string {
	if _, err := l.GetInfo("n", f, lua.LNil); err != nil || f.Name == "" {
		return "?"
	}
	return f.Name
}

func luaName(l *lua.LState, f *lua.Debug) string {
	if f.LineDefined == 0 {
		return "main chunk"
	}
	name, defined := callName(l, f), fmt.Sprintf("<%s:%d>", f.Source, f.LineDefined)
	if name == defined { // the host called it
		return name
	}
	return name + " " + defined
}

// definition is the "<file:line>" at the end of a name that luaName made.
func definition(name string) string {
	for i := range len(name) {
		if name[i] == '<' {
			return name[i:]
		}
	}
	return name
}

// where is the "file:line: " of the function that is level calls above the running builtin, and "" when that is not
// Lua code. A pcall counts as one call, as in Lua, although its function runs on a thread of its own.
func (s *State) where(l *lua.LState, level int) string {
	position, current := "", 0
	for th := l; th != nil; th = th.Parent {
		found := false
		walk(th, func(f *lua.Debug, fn *lua.LFunction) bool {
			if isTrampoline(fn) {
				return true
			}
			if found = current >= level; found {
				if current == level && f.CurrentLine > 0 {
					position = fmt.Sprintf("%s:%d: ", f.Source, f.CurrentLine)
				}
				return false
			}
			current += 1 + tailCalls(f, fn)
			return true
		})
		if found || !s.isHidden(th) {
			break
		}
	}
	return position
}

// walk visits the calls of one thread, the running one first, until visit returns false.
func walk(l *lua.LState, visit func(*lua.Debug, *lua.LFunction) bool) {
	for level := 0; ; {
		f, ok := l.GetStack(level)
		if !ok {
			return
		}
		v, err := l.GetInfo("Slf", f, lua.LNil)
		fn, isFunction := v.(*lua.LFunction)
		if err != nil || !isFunction || !visit(f, fn) {
			return
		}
		level += 1 + tailCalls(f, fn)
	}
}

// frameFields are the places of what gopher-lua does not export of a call: it counts a tail call as a level of its own
// that leads nowhere, there may be millions, and only the count leads past them; and only the instruction of the caller
// tells whether a call was made by the machine itself.
var frameFields = func() (fields struct {
	frame, current, parent, fn, pc, tailCall, isG, proto, code []int
}) {
	place := func(t reflect.Type, name string) []int {
		f, ok := t.FieldByName(name)
		if !ok {
			panic("lua51: this gopher-lua has no field " + name + " in its call frames")
		}
		return f.Index
	}
	fields.frame = place(reflect.TypeFor[lua.Debug](), "frame")
	fields.current = place(reflect.TypeFor[lua.LState](), "currentFrame")
	frame := reflect.TypeFor[lua.Debug]().FieldByIndex(fields.frame).Type.Elem()
	fields.parent, fields.fn = place(frame, "Parent"), place(frame, "Fn")
	fields.pc, fields.tailCall = place(frame, "Pc"), place(frame, "TailCall")
	fields.isG, fields.proto = place(reflect.TypeFor[lua.LFunction](), "IsG"), place(reflect.TypeFor[lua.LFunction](), "Proto")
	fields.code = place(reflect.TypeFor[lua.FunctionProto](), "Code")
	return fields
}()

// Call is a call as the text has it.
type Call struct {
	File string // the chunk's name
	Line int
	Name string // of what is called, the last of a path
	Nth  int    // which of the calls of that name on that line it is, from 1 and in the order in which they run
	Of   int    // how many of them the function around it has on that line
}

// Calling is the call by which the builtin that runs on l was called; ok is false where no text calls it by a name, as
// in pcall(f) and for what a metatable calls.
func Calling(l *lua.LState) (c Call, ok bool) {
	proto, pc := callSite(l)
	if proto == nil || proto == trampolineProto() {
		return c, false
	}
	c.File, c.Line = proto.SourceName, proto.DbgSourcePositions[pc]
	for _, d := range proto.DbgCalls {
		if d.Pc == pc {
			c.Name = d.Name
		}
	}
	if c.Name == "" || c.Name == "?" {
		return Call{}, false
	}
	for _, d := range proto.DbgCalls {
		if d.Name != c.Name || d.Pc >= len(proto.DbgSourcePositions) || proto.DbgSourcePositions[d.Pc] != c.Line {
			continue
		}
		if c.Of++; d.Pc <= pc {
			c.Nth++
		}
	}
	return c, true
}

// caller is the Lua function that called what runs on l, and the line; 0 where it is none. Every verb asks, and asking
// gopher-lua costs several allocations.
func caller(l *lua.LState) (*lua.FunctionProto, int) {
	proto, pc := callSite(l)
	if proto == nil {
		return nil, 0
	}
	return proto, proto.DbgSourcePositions[pc]
}

// callSite is the Lua function that called what runs on l, and the instruction that did. Every verb asks: by reflection,
// as elsewhere here, it would cost as much as the verb's own work.
func callSite(l *lua.LState) (*lua.FunctionProto, int) {
	frame := pointerAt(unsafe.Pointer(l), frameOffsets.current)
	if frame == nil {
		return nil, 0
	}
	if frame = pointerAt(frame, frameOffsets.parent); frame == nil {
		return nil, 0
	}
	fn := (*lua.LFunction)(pointerAt(frame, frameOffsets.fn))
	if fn == nil {
		return nil, 0
	}
	proto, pc := fn.Proto, *(*int)(unsafe.Add(frame, frameOffsets.pc))
	if proto == nil || pc < 1 || pc > len(proto.DbgSourcePositions) {
		return nil, 0
	}
	return proto, pc - 1
}

func pointerAt(p unsafe.Pointer, offset uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Add(p, offset))
}

// frameOffsets are some of frameFields as offsets in bytes, once their types are what callSite takes them for.
var frameOffsets = func() (offsets struct{ current, parent, fn, pc uintptr }) {
	offset := func(t reflect.Type, index []int, want reflect.Type) uintptr {
		f := t.FieldByIndex(index)
		if f.Type != want || len(index) != 1 {
			panic("lua51: the field " + f.Name + " of this gopher-lua's call frames is not what it was")
		}
		return f.Offset
	}
	frame := reflect.TypeFor[lua.Debug]().FieldByIndex(frameFields.frame).Type
	offsets.current = offset(reflect.TypeFor[lua.LState](), frameFields.current, frame)
	offsets.parent = offset(frame.Elem(), frameFields.parent, frame)
	offsets.fn = offset(frame.Elem(), frameFields.fn, reflect.TypeFor[*lua.LFunction]())
	offsets.pc = offset(frame.Elem(), frameFields.pc, reflect.TypeFor[int]())
	return offsets
}()

func callFrame(f *lua.Debug) reflect.Value {
	return reflect.ValueOf(f).Elem().FieldByIndex(frameFields.frame).Elem()
}

func tailCalls(f *lua.Debug, fn *lua.LFunction) int {
	if fn.IsG {
		return 0
	}
	return int(callFrame(f).FieldByIndex(frameFields.tailCall).Int())
}

// canYield reports whether every call on the thread was made by a call instruction. The machine makes those calls
// without leaving its loop, so that it can come back to them; calls by Go functions, metamethods and iterators are
// loops of their own, to which it cannot return once they are left.
func canYield(l *lua.LState) bool {
	f, ok := l.GetStack(0)
	if !ok {
		return false
	}
	const opcodeShift = 26
	for frame := callFrame(f); ; {
		parent := frame.FieldByIndex(frameFields.parent)
		if parent.IsNil() {
			return true
		}
		frame = parent.Elem()
		fn := frame.FieldByIndex(frameFields.fn).Elem()
		if fn.FieldByIndex(frameFields.isG).Bool() {
			return false
		}
		code := fn.FieldByIndex(frameFields.proto).Elem().FieldByIndex(frameFields.code)
		pc := int(frame.FieldByIndex(frameFields.pc).Int())
		switch int(code.Index(pc-1).Uint() >> opcodeShift) {
		case lua.OP_CALL, lua.OP_TAILCALL:
		default:
			return false
		}
	}
}
