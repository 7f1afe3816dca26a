package report_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"smtplay/engine/lab/labtest"
)

// browser is a real one, without a window. What it is asked to load, and what it
// complains of, is kept.
type browser struct {
	context.Context
	mu     sync.Mutex
	loaded []string
	said   []string
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	path := labtest.Program(t, "chromium")
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute) // of the browser's whole life
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil { // waits for its end
			t.Log(err)
		}
		cancel()
	})
	b := &browser{Context: ctx}
	err := chromedp.Listen(ctx, func(e any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := e.(type) {
		case *network.EventRequestWillBeSent:
			b.loaded = append(b.loaded, e.Request.URL)
		case *log.EventEntryAdded:
			b.said = append(b.said, e.Entry.Text)
		case *page.EventJavascriptDialogOpening:
			b.said = append(b.said, "a dialogue opened")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	command(t, b, network.Enable, network.EnableParams{})
	command(t, b, log.Enable, cdp.Empty{})
	command(t, b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return b
}

// command has the browser do what the protocol calls so.
func command[P, R any](t *testing.T, b *browser, c cdp.Command[P, R], params P) {
	t.Helper()
	if _, err := chromedp.Call(b, c, params); err != nil {
		t.Fatal(err)
	}
}

// do does one thing after the other.
func (b *browser) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b, steps...); err != nil {
		t.Fatal(err)
	}
}

// eval is what an expression is in the page, whose own scripts may not run.
func eval[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	value, err := chromedp.Run(b, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// open shows the page, as wide as that and in that colour scheme.
func (b *browser) open(t *testing.T, file string, width int64, scheme string) {
	t.Helper()
	command(t, b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	b.do(t, chromedp.EmulateViewport(width, 900), chromedp.Navigate("file://"+file))
}

// contrastFaults lists the texts that are seen whose contrast with what is behind
// them is below what WCAG 2.2 asks for at level AA (1.4.3).
const contrastFaults = `(() => {
	const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m };
	const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3]));
	const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
	const behind = e => {
		const layers = [];
		for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0) { layers.push(c); if (c[3] === 1) break } }
		let c = [255, 255, 255];
		for (const l of layers.reverse()) c = over(l, c);
		return c;
	};
	const faults = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	let texts = 0;
	for (let n; n = walk.nextNode();) {
		const e = n.parentElement, s = getComputedStyle(e);
		if (!n.data.trim() || !e.checkVisibility() || e.closest('.skip:not(:focus)')) continue;
		texts++;
		const back = behind(e), a = light(over(parse(s.color), back)), b = light(back);
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), size = parseFloat(s.fontSize);
		const large = size >= 24 || size >= 18.66 && s.fontWeight >= 700;
		if (ratio < (large ? 3 : 4.5)) faults.push(e.className + ' ' + n.data.trim().slice(0, 40) + ': ' + ratio.toFixed(2));
	}
	if (texts < 100) faults.push('only ' + texts + ' texts are seen');
	return faults;
})()`

// What is wider than the page, by its class.
const overflows = `[...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.matches('.who, .word, .bar *') && e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5).map(e => e.tagName + '.' + e.className)`

const allOpen = `document.querySelectorAll('details').forEach(d => { d.open = true })`

// The page is looked at in a browser, on a screen and on a phone, by day and by
// night: nothing is cut off, everything can be read, and nothing comes from
// elsewhere or runs.
func TestHTMLInBrowser(t *testing.T) {
	b := startBrowser(t)
	file := filepath.Join(t.TempDir(), "report.html")
	run := sampleRun(t)
	run.Results = append(run.Results, matrixResults()...)
	if err := os.WriteFile(file, render(t, "html", run), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, width := range []int64{1200, 390, 320} {
		for _, scheme := range []string{"light", "dark"} {
			b.open(t, file, width, scheme)
			eval[chromedp.Void](t, b, allOpen)
			wide := eval[bool](t, b, `document.documentElement.scrollWidth > document.documentElement.clientWidth`)
			faults, over := eval[[]string](t, b, contrastFaults), eval[[]string](t, b, overflows)
			if wide || len(over) > 0 {
				t.Errorf("%d px, %s: it scrolls sideways: %q", width, scheme, over)
			}
			if len(faults) > 0 {
				t.Errorf("%d px, %s: hard to read:\n%s", width, scheme, strings.Join(faults, "\n"))
			}
		}
	}
	b.open(t, file, 1200, "light")
	keyboard(t, b)
	filter(t, b)
	columns(t, b)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, url := range b.loaded {
		if url != "file://"+file {
			t.Errorf("the page loads %s", url)
		}
	}
	if len(b.said) > 0 {
		t.Errorf("the browser complains: %q", b.said)
	}
}

// keyboard goes through the page with the Tab key: everything that can be opened
// or followed is reached, in order, and is seen to be.
func keyboard(t *testing.T, b *browser) {
	t.Helper()
	const stops = `[...document.querySelectorAll('a, summary, input:checked')].filter(e => e.checkVisibility())`
	const name = `(e => e.tagName + ' ' + (e.id || e.textContent.trim().replace(/\s+/g, ' ').slice(0, 50)))`
	want, got := eval[[]string](t, b, stops+".map"+name), []string(nil)
	for range want {
		b.do(t, chromedp.KeyEvent(kb.Tab))
		at := eval[string](t, b, name+"(document.activeElement)")
		seen := eval[bool](t, b, `(e => [e, e.nextElementSibling].some(x => x && getComputedStyle(x).outlineStyle !== 'none'))(document.activeElement)`)
		if got = append(got, at); !seen {
			t.Errorf("nobody sees that %s has the focus", at)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the Tab key goes to\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(want) < 15 {
		t.Errorf("only %d places can be reached", len(want))
	}
}

// filter chooses what is listed, without a script.
func filter(t *testing.T, b *browser) {
	t.Helper()
	const listed = `[...document.querySelectorAll('.test')].filter(e => e.checkVisibility()).length`
	for id, want := range map[string]int{"show-failed": 5, "show-error": 2, "show-skipped": 2, "show-passed": 3, "show-all": 12} {
		at := eval[[]float64](t, b, `(e => { e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2] })(document.getElementById('`+id+`'))`)
		b.do(t, chromedp.MouseClickXY(at[0], at[1]))
		if got := eval[int](t, b, listed); got != want {
			t.Errorf("%s shows %d tests, want %d", id, got, want)
		}
	}
}

// columns: the client speaks on the left and the server on the right, and on a
// phone one below the other.
func columns(t *testing.T, b *browser) {
	t.Helper()
	const side = `['.c', '.s'].map(c => { const r = document.querySelector('.fault .talk ' + c).getBoundingClientRect(); return r.left + r.width / 2 })`
	at := eval[[]float64](t, b, side)
	if at[0] > 600 || at[1] < 600 {
		t.Errorf("client and server are at %v of 1200", at)
	}
	if !eval[bool](t, b, `document.querySelectorAll('.fault .talk .bad').length >= 2 && document.querySelectorAll('.fault .compare .got').length >= 2`) {
		t.Error("the reply that was not wanted is not marked")
	}
}
