// Package lua51 is the Lua 5.1 that scripts from strangers may run: the base, string, table, math and coroutine
// functions of the 5.1 manual, and os.time, os.date, os.clock and os.difftime, on gopher-lua's virtual machine, with
// time and memory bounded. It knows nothing of what the scripts are for.
//
// Nothing reaches files, processes or the source loader: io, debug, package, dofile, load, loadfile, loadstring,
// module, getfenv, setfenv and newproxy do not exist; print and require are left to the host, which puts its own
// globals into State.Globals before the first run.
//
// A State runs one script after another, each with globals of its own. It belongs to one goroutine at a time, and to
// the strands that a script's builtins start: functions beside each other, of which one at a time runs Lua. See Strand.
//
// # Bounds
//
// A context ends every loop: the machine looks at it at each instruction, the functions here look every few thousand
// steps. Patterns have a budget of steps. Nothing builds a string over 64 MiB, `..` included. Calls nest to
// Options.CallStackSize in one coroutine, pcalls and coroutines nest to 190 in one strand, of which there are at most
// 4096. What is left is memory that a script piles
// up itself, in tables: see Watchdog.
//
// # What gopher-lua's compiler gets wrong
//
// Compile mends it before it compiles: a, b = b, a makes both the old b, x = (f(x)) makes nil of a last parameter,
// { "a", x = f() } has a second value. A table of exactly 50 values without a name, or a multiple of that, loses some to
// one with a name behind them, or to the values of a call at its end; one of more than 25550 loses all that are more.
//
// # What differs from Lua 5.1
//
// A `for` takes no strings for numbers; n % math.huge is n; -0 may lose its sign.
//
// `#` honours __len on tables. Integer keys from 1 to 4194303 live in an array that is filled up to the highest, so `#`
// stops there. Keys set to nil keep their place in a table until it goes.
//
// Global names are looked up in the script's own table first, then in the host's: pairs(_G) shows the script's own, and
// print = nil uncovers the host's print again. _G has a protected metatable.
//
// assert adds no position and keeps any object (so do coroutine.wrap and, after it, error of a caught object). An error
// message of the machine does not name the variable. The handler of xpcall runs after the stack was left. A malformed
// pattern is refused before matching starts, also where 5.1 would not reach the fault; a pattern has at most 64 KiB and
// 256 repetitions. A replacement string must not end with %. table.insert refuses positions below 1, and table.sort
// gives some order where the order function contradicts itself and 5.1 may raise an error. unpack and string.byte
// return at most 65536 values. tonumber refuses "inf" and "nan", and reads "-ff" in base 16 as -255. In argument errors
// the function has the name of its library, and self counts as argument 1. os.clock counts elapsed time, not CPU time.
// collectgarbage collects nothing; its "count" is that of the whole process. string.dump does not exist.
package lua51
