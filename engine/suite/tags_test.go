package suite_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

func TestTags(t *testing.T) {
	for _, tt := range []struct {
		expr, tags string
		want       bool
		why        string
	}{
		{"tls", "tls", true, "it has it"},
		{"tls", "smoke", false, "it has another"},
		{"tls", "", false, "it has none"},
		{"TLS", "tls", false, "case counts"},
		{"!slow", "tls", true, "it has it not"},
		{"!slow", "", true, "none is without slow"},
		{"!slow", "tls slow", false, "it has it among others"},
		{"tls,smoke", "smoke", true, "the second of two"},
		{"tls,smoke", "slow", false, "neither of two"},
		{"tls+smoke", "tls", false, "one of two that both must be"},
		{"tls+smoke", "smoke tls", true, "both"},
		{"tls+!slow", "tls slow", false, "one of them refused"},
		{"a,b+c", "b", false, "+ binds closer"},
		{"a,b+c", "a", true, "the first alone"},
		{" tls , smoke ", "smoke", true, "blanks around"},
	} {
		e, err := suite.ParseTags(tt.expr)
		if err != nil {
			t.Errorf("%q: %v", tt.expr, err)
		} else if got := e.Match(strings.Fields(tt.tags)); got != tt.want {
			t.Errorf("%q of a test with %q: %v, want %v (%s)", tt.expr, tt.tags, got, tt.want, tt.why)
		}
	}
	for _, wrong := range []string{"", ",", "tls,", "+tls", "!", "!!tls", "a b", "a|b", "(a)", "-a", strings.Repeat("x", 41)} {
		if _, err := suite.ParseTags(wrong); err == nil {
			t.Errorf("%q is an expression", wrong)
		}
	}
	if !(*suite.TagExpr)(nil).Match(nil) {
		t.Error("no expression does not take all")
	}
}

func FuzzParseTags(f *testing.F) {
	f.Add("tls+!slow,smoke", "tls smoke")
	f.Fuzz(func(t *testing.T, expr, tags string) {
		e, err := suite.ParseTags(expr)
		if err != nil {
			return
		}
		has := strings.Fields(tags)
		not, err := suite.ParseTags("!" + expr)
		if err == nil && !strings.ContainsAny(expr, "+,!") && e.Match(has) == not.Match(has) {
			t.Errorf("%q and its opposite agree on %q", expr, tags)
		}
	})
}

func tagged(names ...string) *script {
	s := of(byName)
	for _, n := range names {
		name, tags, _ := strings.Cut(n, ":")
		s.tests = append(s.tests, suite.Declared{Name: name, Tags: strings.Fields(tags)})
	}
	return s
}

func TestPlanByTags(t *testing.T) {
	env := &suite.Env{Redact: &transcript.Redactor{}}
	s := tagged("a:tls", "b:tls slow", "c:")
	for _, tt := range []struct{ expr, want, unknown string }{
		{"tls", "a b", ""}, {"tls+!slow", "a", ""}, {"!slow", "a c", ""}, {"tsl", "", "tsl"}, {"tls,!slwo", "", "slwo"},
	} {
		expr, err := suite.ParseTags(tt.expr)
		if err != nil {
			t.Fatal(err)
		}
		tests, err := (&suite.Runner{Tags: expr}).Plan(context.Background(), env, []suite.Script{s})
		var names []string
		for _, test := range tests {
			names = append(names, test.Name)
		}
		var unknown *suite.UnknownTagError
		if errors.As(err, &unknown) != (tt.unknown != "") || unknown != nil && (unknown.Tag != tt.unknown || !slices.Equal(unknown.Known, []string{"slow", "tls"})) {
			t.Errorf("%q: %v, want of tag %q", tt.expr, err, tt.unknown)
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("%q chooses %q, want %q", tt.expr, got, tt.want)
		}
	}
}
