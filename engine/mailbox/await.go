package mailbox

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
)

// NotFound says that no message that fits came in time. Its text tells of the
// nearest one.
type NotFound struct {
	Box     string        // where it was looked for
	Within  time.Duration // how long
	Came    int           // how many messages arrived since the test began
	Nearest *Message      // the one with the fewest differences, the latest of those; nil where none came
	Differs []Difference  // how Nearest differs
	Remark  string        // what kept the box from being looked at as a whole, "" for nothing
}

func (e *NotFound) Error() string {
	remark := ""
	if e.Remark != "" {
		remark = " (" + e.Remark + ")"
	}
	if e.Nearest == nil {
		return fmt.Sprintf("%s: no message came since the test began, in %v%s", e.Box, e.Within, remark)
	}
	differs := make([]string, len(e.Differs))
	for i, d := range e.Differs {
		differs[i] = d.String()
	}
	return fmt.Sprintf("%s: no message since the test began fits: %d came in %v; the nearest (%s) differs in %s%s",
		e.Box, e.Came, e.Within, e.Nearest, strings.Join(differs, "; in "), remark)
}

// Await looks into the box until a message that arrived at since or later is as
// demanded, and returns that. It looks at least once, then again whenever the box's
// watch says, for as long as within; a look that hangs then ends 30 s later. Each call looks at all messages since then anew.
//
// The error is a *NotFound where none fits in time, the cause of ctx where that
// ends first, an error of the demand's Check, or what the box says of itself,
// at once.
func Await(ctx context.Context, box Box, since time.Time, d Demand, within time.Duration) (*Message, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	// The last look is at the end: what came until then counts.
	end := time.Now().Add(within)
	ctx, cancel := context.WithDeadlineCause(ctx, end.Add(lookPatience), fmt.Errorf("%v: a look into it takes longer than %v", box, lookPatience))
	defer cancel()
	watch, missing := box.Since(since), &NotFound{Box: box.String(), Within: within}
	for {
		if m, err := look(ctx, watch, d, missing); m != nil || err != nil {
			return m, err
		}
		left := time.Until(end)
		if left <= 0 {
			if r, ok := watch.(Remarker); ok {
				missing.Remark = r.Remark()
			}
			return nil, missing
		}
		pause := time.NewTimer(min(left, cmp.Or(watch.Every(), time.Second)))
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil, context.Cause(ctx)
		case <-pause.C:
		}
	}
}

// lookPatience is for how long the last look may go on.
const lookPatience = 30 * time.Second

// look judges what is new, and keeps what is nearest.
func look(ctx context.Context, watch Watch, d Demand, missing *NotFound) (*Message, error) {
	for m, err := range watch.New(ctx) {
		if err != nil {
			return nil, cmp.Or(context.Cause(ctx), err)
		}
		held, differs := d.Judge(ctx, m)
		if held {
			return m, nil
		}
		missing.Came++
		if missing.Nearest == nil || len(differs) <= len(missing.Differs) {
			missing.Nearest, missing.Differs = m, differs
		}
	}
	return nil, context.Cause(ctx)
}
