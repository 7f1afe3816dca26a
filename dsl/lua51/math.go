package lua51

import (
	"math"
	"math/rand/v2"

	lua "github.com/yuin/gopher-lua"
)

// random is a state's source of random numbers.
type random struct {
	source rand.PCG
	seed   int64
	used   bool
}

func (r *random) reset(seed int64) {
	r.seed, r.used = seed, false
	r.source.Seed(uint64(seed), 0)
}

// float is a number in [0,1).
func (r *random) float() float64 { return float64(r.source.Uint64()>>11) / (1 << 53) }

var mathLibrary = func() map[string]builtin {
	functions := map[string]builtin{
		"fmod": mathFmod, "modf": mathModf, "frexp": mathFrexp, "ldexp": mathLdexp, "max": mathMax, "min": mathMin,
		"pow": mathPow, "atan2": mathAtan2, "random": mathRandom, "randomseed": mathRandomseed,
	}
	for name, fn := range map[string]func(float64) float64{
		"abs": math.Abs, "acos": math.Acos, "asin": math.Asin, "atan": math.Atan, "ceil": math.Ceil, "cos": math.Cos,
		"cosh": math.Cosh, "deg": func(x float64) float64 { return x * (180 / math.Pi) }, "exp": math.Exp,
		"floor": math.Floor, "log": math.Log, "log10": math.Log10,
		"rad": func(x float64) float64 { return x * (math.Pi / 180) }, "sin": math.Sin, "sinh": math.Sinh,
		"sqrt": math.Sqrt, "tan": math.Tan, "tanh": math.Tanh,
	} {
		functions[name] = func(c call) int { return c.pushNumber(fn(c.num(1))) }
	}
	return functions
}()

var mathConstants = map[string]lua.LValue{"pi": lua.LNumber(math.Pi), "huge": lua.LNumber(math.Inf(1))}

// modulo is Lua 5.1's definition of %.
func modulo(a, b lua.LNumber) lua.LNumber {
	return a - lua.LNumber(math.Floor(float64(a/b)))*b
}

func power(a, b lua.LNumber) lua.LNumber { return lua.LNumber(math.Pow(float64(a), float64(b))) }

func mathPow(c call) int   { return c.pushNumber(math.Pow(c.num(1), c.num(2))) }
func mathFmod(c call) int  { return c.pushNumber(math.Mod(c.num(1), c.num(2))) }
func mathAtan2(c call) int { return c.pushNumber(math.Atan2(c.num(1), c.num(2))) }

func mathModf(c call) int {
	x := c.num(1)
	whole := math.Trunc(x)
	fraction := math.Copysign(0, x)
	if !math.IsInf(x, 0) {
		fraction = x - whole
	}
	return c.push(lua.LNumber(whole), lua.LNumber(fraction))
}

func mathFrexp(c call) int {
	fraction, exponent := math.Frexp(c.num(1))
	return c.push(lua.LNumber(fraction), lua.LNumber(exponent))
}

func mathLdexp(c call) int { return c.pushNumber(math.Ldexp(c.num(1), c.integer(2))) }

func mathMax(c call) int {
	most := c.num(1)
	for i := 2; i <= c.count(); i++ {
		if n := c.num(i); n > most {
			most = n
		}
	}
	return c.pushNumber(most)
}

func mathMin(c call) int {
	least := c.num(1)
	for i := 2; i <= c.count(); i++ {
		if n := c.num(i); n < least {
			least = n
		}
	}
	return c.pushNumber(least)
}

func mathRandom(c call) int {
	low, high := 1, 0
	switch c.count() {
	case 0:
	case 1:
		if high = c.integer(1); high < 1 {
			c.argError(1, "interval is empty")
		}
	case 2:
		if low, high = c.integer(1), c.integer(2); high < low {
			c.argError(2, "interval is empty")
		}
	default:
		c.raise("wrong number of arguments")
	}
	c.s.random.used = true
	r := c.s.random.float()
	if c.count() == 0 {
		return c.pushNumber(r)
	}
	return c.pushNumber(math.Floor(r*float64(high-low+1)) + float64(low))
}

func mathRandomseed(c call) int {
	c.s.random.source.Seed(uint64(toInt64(c.num(1))), 1)
	return 0
}
