package dsl

import (
	"strings"
	"testing"
)

// A line that was meant to tag tests and does not is said to be lost; prose is
// left alone.
func TestLostTags(t *testing.T) {
	const prose, place = "this line is prose", "not in the comment of --- that opens the file"
	tests := []struct {
		src    string
		at     string // the warning's line and column, "" for none
		says   string
		hint   string
		reason string
	}{
		{"--- A\n--- tags: tls smoke\n", "", "", "", "as it is written"},
		{"---tags: tls\n", "", "", "", "a blank is not needed"},
		{"--- A\n--- Tags: tls smoke\n", "2:5", prose, `did you mean "--- tags: smoke tls"?`, "upper case"},
		{"--- A\n--- tag: tls\n", "2:5", prose, `did you mean "--- tags: tls"?`, "one tag seems to want the singular"},
		{"--- A\n---\ttags : tls\n", "2:5", prose, `"--- tags: tls"`, "a blank before the colon"},
		{"--- A\n--- tags = tls, slow\n", "2:5", prose, `"--- tags: slow tls"`, "as in the settings"},
		{"--- tgas: tls\n", "1:5", prose, `"--- tags: tls"`, "a slip of the fingers"},
		{"#!/usr/bin/smtplay\n\n--- Tag: tls\n", "3:5", prose, `"--- tags: tls"`, "lines before the comment count"},
		{"--- Tags are cheap\n", "", "", "", "prose"},
		{"--- Tags: \"plus\" addresses (user+tag@example.com)\n", "", "", "", "what follows are no tags"},
		{"--- Stage: tls\n", "", "", "", "another word"},
		{"--- A\n\n--- tags: tls\n", "3:5", place, `"--- tags: tls"`, "a blank line ends the comment that counts"},
		{"-- tags: tls\n", "1:4", place, `"--- tags: tls"`, "two dashes are a comment of Lua's"},
		{"--- A\n-- tags: tls\n", "2:4", place, `"--- tags: tls"`, "two dashes, below the title"},
		{"---- tags: tls\n", "1:6", place, `"--- tags: tls"`, "four dashes"},
		{"local a = 1\n--- tags: slow\nlocal b = 2\n", "2:5", place, `tags = "slow"`, "above what it was to tag"},
		{"local a = 1\n-- tags: slow\n", "", "", "", "further down two dashes are anybody's"},
		{"local a = [[\n--- tags: slow\n]]\n", "", "", "", "inside a string"},
		{"local a = [[\n]] --- tags: slow\n--- tags: slow\n", "3:5", place, "", "after a string"},
	}
	for _, row := range tests {
		t.Run(row.reason, func(t *testing.T) {
			_, problems := Compile("t.lua", []byte(row.src+"expect 220\n"))
			if row.at == "" {
				if len(problems) != 0 {
					t.Fatalf("%v", problems)
				}
				return
			}
			if len(problems) != 1 || !problems[0].Warning || !strings.HasPrefix(problems[0].String(), "t.lua:"+row.at+": ") ||
				!strings.Contains(problems[0].Msg, row.says) || !strings.Contains(problems[0].Hint, row.hint) {
				t.Errorf("%q:\n%+v\nwant %s: …%s…, %s", row.src, problems, row.at, row.says, row.hint)
			}
		})
	}
}

// Tags of a file that is no test are lost too.
func TestTagsOfNoTest(t *testing.T) {
	_, problems := CompileFixture("suite.lua", []byte("--- All of them\n--- tags: slow\nbefore_each(function() end)\n"))
	if len(problems) != 1 || !problems[0].Warning || problems[0].String() != "suite.lua:2:5: this line gives no test a tag: suite.lua is no test" {
		t.Errorf("%+v", problems)
	}
}
