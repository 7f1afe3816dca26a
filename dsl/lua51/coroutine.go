package lua51

import lua "github.com/yuin/gopher-lua"

const yieldAcross = "attempt to yield across metamethod/C-call boundary"

var coroutineLibrary = map[string]builtin{
	"create": coroutineCreate, "resume": coroutineResume, "running": coroutineRunning, "status": coroutineStatus,
	"wrap": coroutineWrap, "yield": coroutineYield,
}

// threadSize is about what a coroutine takes: its registers, and places for its calls.
const threadSize = 4 << 10

// create makes a coroutine that waits to be started. Its function lies in the place that the machine leaves for it, at
// the bottom of the coroutine's registers.
func (c call) create() *lua.LState {
	fn := c.function(1)
	c.charge(threadSize)
	th := c.s.newThread(c.l)
	th.Push(fn)
	return th
}

// started reports whether a coroutine has ever run: only then it has calls.
func started(th *lua.LState) bool {
	_, ok := th.GetStack(0)
	return ok
}

// resume runs a coroutine to its end or next yield. Errors that no script may catch are raised here.
func (c call) resume(th *lua.LState, args []lua.LValue) ([]lua.LValue, *Error) {
	if status := c.status(th); status != "suspended" {
		return nil, &Error{Object: lua.LString("cannot resume " + status + " coroutine"), Traceback: Traceback(c.l)}
	}
	if !started(th) {
		args = append([]lua.LValue{c.s.enter, th.Get(1)}, args...)
		c.s.suspended++
	}
	_, values, err := c.s.transfer(c.l, link{thread: th}, args)
	if th.Dead {
		c.s.suspended--
	}
	if err != nil && c.s.isFatal(c.l, err) {
		c.s.Rethrow(c.l, err)
	}
	return values, err
}

func (c call) status(th *lua.LState) string {
	if th.Dead {
		return "dead"
	}
	innermost := true
	for i := len(c.s.chain) - 1; i >= 0; i-- {
		switch link := c.s.chain[i]; {
		case link.hidden:
		case link.thread == th && innermost:
			return "running"
		case link.thread == th:
			return "normal"
		default:
			innermost = false
		}
	}
	if th == c.s.main || th.Parent != nil { // that other strand goes through it
		return "normal"
	}
	return "suspended"
}

func (c call) thread(i int) *lua.LState {
	th, ok := c.arg(i).(*lua.LState)
	if !ok {
		c.argError(i, "coroutine expected")
	}
	return th
}

func coroutineCreate(c call) int { return c.push(c.create()) }

func coroutineResume(c call) int {
	values, err := c.resume(c.thread(1), c.args(2))
	if err != nil {
		c.s.raised = nil
		return c.push(lua.LFalse, err.Object)
	}
	c.l.Push(lua.LTrue)
	return 1 + c.push(values...)
}

func coroutineWrap(c call) int {
	th := c.create()
	return c.push(c.s.builtin("wrap", func(c call) int {
		values, err := c.resume(th, c.args(1))
		if err != nil {
			c.s.Rethrow(c.l, err)
		}
		return c.push(values...)
	}))
}

func coroutineYield(c call) int {
	if !c.inCoroutine() || !canYield(c.l) {
		c.raise(yieldAcross)
	}
	c.l.Insert(lua.LTrue, 1) // see transfer
	return -1
}

// inCoroutine reports whether the innermost thread is a coroutine of the script's.
func (c call) inCoroutine() bool {
	n := len(c.s.chain)
	return n > 0 && !c.s.chain[n-1].hidden
}

func coroutineRunning(c call) int {
	for i := len(c.s.chain) - 1; i >= 0; i-- {
		if !c.s.chain[i].hidden {
			return c.push(c.s.chain[i].thread)
		}
	}
	return c.push(lua.LNil)
}

func coroutineStatus(c call) int { return c.pushString(c.status(c.thread(1))) }
