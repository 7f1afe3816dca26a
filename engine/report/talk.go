package report

import (
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// talkWith says with whom a test talked, and how much was said.
func talkWith(r *suite.Result) string {
	said := 0
	with := ""
	for _, e := range r.Events {
		switch e.Kind {
		case transcript.Client, transcript.Server:
			said++
		case transcript.Connect:
			if name := Visible(string(e.Data)); with == "" {
				with = "with " + clip(name)
			} else if !strings.Contains(with, clip(name)) {
				with = "with several servers"
			}
		}
	}
	if said == 0 {
		return ""
	}
	return strings.TrimSpace(with + ", " + plural(said, "piece") + " said")
}

// talkHTML is a conversation as the items of a list. It is made by hand, and
// not by the template: that would take most of the time of a large report.
// Whatever it writes that is no constant goes through escape.
func talkHTML(r *suite.Result) template.HTML {
	spoken := slices.ContainsFunc(r.Events, func(e transcript.Event) bool { return e.Kind == transcript.Client || e.Kind == transcript.Server })
	if len(r.Events) == 0 || !spoken && r.Outcome == suite.Skipped { // its reason stands above
		return ""
	}
	t := &talk{bad: failedEvent(r)}
	size := 0
	for _, e := range r.Events {
		size += len(e.Data) + 160
		if t.start.IsZero() {
			t.start = e.Time
		}
		t.several = t.several || e.Conn > 1
	}
	t.Grow(size)
	if spoken {
		t.WriteString(`<li class="sides" aria-hidden="true"><span>Client</span><span>Server</span></li>` + "\n")
	}
	if r.Dropped > 0 {
		t.open("aside", "")
		t.escape(plural(r.Dropped, "earlier event") + " not kept")
		t.WriteString("</li>\n")
	}
	for i, e := range r.Events {
		t.event(i, e)
	}
	return template.HTML(t.String())
}

// failedEvent is the event in which the peer said what was not wanted, -1 for none.
func failedEvent(r *suite.Result) int {
	found := -1
	if r.Failure == nil || r.Outcome != suite.Failed && r.Outcome != suite.Errored {
		return found
	}
	var sides transcript.Sides
	for i, e := range r.Events {
		if peer := theirs(&sides, e); peer && (r.Failure.Conn == 0 || e.Conn == r.Failure.Conn) && carries(e, r.Failure.Got) {
			found = i
		}
	}
	return found
}

type talk struct {
	strings.Builder
	lines   eventLines
	start   time.Time
	bad     int
	several bool
}

// escape writes a text, made visible.
func (t *talk) escape(s string) { template.HTMLEscape(t, []byte(Visible(s))) }

func (t *talk) open(class, who string) {
	t.WriteString(`<li class="` + class + `">`)
	if who != "" {
		t.WriteString(`<span class="who">` + who + `: </span>`) // for those who do not see on which side it stands
	}
}

func (t *talk) event(i int, e transcript.Event) {
	switch e.Kind {
	case transcript.Client:
		t.speaks("c", "Client", i, e)
	case transcript.Server:
		t.speaks("s", "Server", i, e)
	case transcript.Step:
		t.WriteString(`<li class="step"><h5>`)
		t.escape(string(e.Data))
		t.WriteString(`</h5></li>` + "\n")
		return
	case transcript.Note:
		t.WriteString(`<li class="note">`)
		for _, line := range lines(string(e.Data)) {
			t.WriteString("<p>")
			template.HTMLEscape(t, []byte(line))
			t.WriteString("</p>")
		}
		t.WriteString("</li>\n")
		return
	case transcript.TLS:
		t.open("aside tls", "")
		t.tls(e)
	default:
		t.open("aside", "")
		t.escape(strings.TrimSpace(e.Kind.String() + " " + clip(string(e.Data))))
	}
	t.when(e)
	t.WriteString("</li>\n")
}

// speaks begins what one side said.
func (t *talk) speaks(class, who string, i int, e transcript.Event) {
	if t.several {
		class += " of" + strconv.Itoa(min(e.Conn, 3))
	}
	if i == t.bad {
		class += " bad"
	}
	t.open(class, who)
	t.said(e, i == t.bad)
}

// said are the bytes of one side, as a transcript has them.
func (t *talk) said(e transcript.Event, bad bool) {
	t.WriteString("<pre>")
	for i, line := range bounded(t.lines.of(e)) {
		if i > 0 {
			t.WriteByte('\n')
		}
		template.HTMLEscape(t, []byte(line))
	}
	t.WriteString("</pre>")
	if bad {
		t.WriteString(`<strong>This is not what was expected</strong>`)
	}
}

// tls are the facts of a handshake.
func (t *talk) tls(e transcript.Event) {
	info, ok := transcript.ParseTLSInfo(string(e.Data))
	if !ok {
		t.escape("TLS " + clip(string(e.Data)))
		return
	}
	t.WriteString(`<b>`)
	t.escape(info.Version)
	t.WriteString(`</b> <span>`)
	t.escape(info.Cipher)
	t.WriteString(`</span> <span>`)
	t.escape(clip(info.Subject))
	if info.Verified() {
		t.WriteString(`</span> <span class="yes">verified</span>`)
		return
	}
	t.WriteString(`</span> <span class="no">unverified: `)
	t.escape(clip(strings.Join(info.Problems, ", ")))
	t.WriteString(`</span>`)
}

// when is how long after the first event this one came, and in which
// conversation where there are several.
func (t *talk) when(e transcript.Event) {
	after := ""
	if !e.Time.IsZero() {
		after = "+" + seconds(e.Time.Sub(t.start).Seconds())
	}
	if t.several {
		t.WriteString(`<b class="conn"><span class="who">conversation </span>` + strconv.Itoa(e.Conn) + `</b>`)
	}
	if after != "" {
		t.WriteString(`<small>`)
		t.escape(after)
		t.WriteString(`</small>`)
	}
}
