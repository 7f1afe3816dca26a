package dsl

import (
	"strings"
)

// calendar are the words of a date.
var calendar = words("mon tue wed thu fri sat sun jan feb mar apr may jun jul aug sep oct nov dec gmt utc " +
	"monday tuesday wednesday thursday friday saturday sunday")

// lasting is the longest part of a reply's text that will be the same the next
// time: without numbers, dates, and names of the queue. In known are the values
// of variables, which count as lasting though they hold a digit.
func lasting(text string, known func(word string) bool) string {
	best, start := "", 0
	end := 0 // of the last word that lasts
	queue := false
	take := func() {
		if end > start && end-start > len(best) {
			best = text[start:end]
		}
	}
	for at := 0; at < len(text); {
		if isBlank(text[at]) || text[at] == '\n' {
			at++
			continue
		}
		stop := at
		for stop < len(text) && !isBlank(text[stop]) && text[stop] != '\n' {
			stop++
		}
		word := text[at:stop]
		if queue || !lasts(word, known) {
			take()
			start, end = stop, stop
			for start < len(text) && (isBlank(text[start]) || text[start] == '\n') {
				start++
			}
		} else {
			end = stop
		}
		queue = strings.HasSuffix(text[:stop], "queued as")
		at = stop
	}
	take()
	return best
}

func lasts(word string, known func(word string) bool) bool {
	if known(word) {
		return true
	}
	bare := strings.ToLower(strings.Trim(word, ".,;:()<>[]"))
	return !strings.ContainsAny(word, "0123456789") && !calendar[bare] && readable(word) &&
		!strings.Contains(word, "[secret:") && !strings.Contains(word, "[sasl") && !strings.Contains(word, "[unique]")
}
