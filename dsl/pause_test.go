package dsl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// Which verbs may send is known of every verb that a conversation has.
func TestWhatSends(t *testing.T) {
	var quiet []string
	for _, v := range verbs {
		if !v.global && v.of == nil && !v.sends() {
			quiet = append(quiet, v.name)
		}
	}
	slices.Sort(quiet)
	want := "capabilities certificate close expect expect_capability expect_certificate expect_close expect_no_capability expect_silence reply tls"
	if got := strings.Join(quiet, " "); got != want {
		t.Errorf("these are not asked about: %s\nwant %s", got, want)
	}
}

// Each line that sends is asked about before anything of it is sent, and who
// says no ends the test there.
func TestPause(t *testing.T) {
	const text = "connect()\nexpect 220\nfor i = 1, 2 do\n\tnoop()\nend\nquit()"
	b := newBench(t, polite(nil))
	s, problems := Compile("t.lua", []byte(text))
	if s == nil {
		t.Fatal(problems)
	}
	for _, refuse := range []int{0, 3} {
		var asked []string
		runner := &suite.Runner{Pause: func(_ context.Context, at transcript.Pos, source string) error {
			asked = append(asked, fmt.Sprintf("%v %s", at, strings.TrimSpace(source)))
			if len(asked) == refuse {
				return errors.New("no more")
			}
			return nil
		}}
		tests, err := runner.Plan(context.Background(), b.env, []suite.Script{s})
		if err != nil {
			t.Fatal(err)
		}
		var r suite.Result
		runner.Run(context.Background(), b.env, tests, func(res suite.Result) { r = res })
		want := []string{"t.lua:1 connect()", "t.lua:4 noop()", "t.lua:4 noop()", "t.lua:6 quit()"}
		if refuse > 0 {
			want = want[:refuse]
		}
		if !slices.Equal(asked, want) {
			t.Errorf("asked about %q, want %q", asked, want)
		}
		if refuse == 0 && r.Outcome != suite.Passed || refuse > 0 && (r.Outcome != suite.Errored || r.Failure.What != "no more" || r.Failure.Pos.Line != 4 || strings.Count(transcriptOf(r), "C: NOOP") != 1) {
			t.Errorf("%v %v\n%s", r.Outcome, r.Failure, transcriptOf(r))
		}
	}
}
