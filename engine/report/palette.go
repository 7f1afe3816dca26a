package report

import "github.com/fatih/color"

// palette colours words, or leaves them as they are: the caller decides, not
// what the library finds out about the process.
type palette struct {
	good, bad, odd, strong, quiet, theirs func(...any) string
}

func paletteFor(coloured bool) palette {
	ink := func(attributes ...color.Attribute) func(...any) string {
		c := color.New(attributes...)
		if coloured {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c.SprintFunc()
	}
	return palette{
		good:   ink(color.FgGreen),
		bad:    ink(color.FgRed, color.Bold),
		odd:    ink(color.FgYellow),
		strong: ink(color.Bold),
		quiet:  ink(color.Faint),
		theirs: ink(color.FgCyan),
	}
}
