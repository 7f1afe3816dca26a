package imap

import (
	"bufio"
	"slices"
	"strings"
	"testing"
)

// reading is a wire that was sent that text.
func reading(text string) *wire {
	return &wire{in: bufio.NewReader(strings.NewReader(text)), text: mostText, literal: 1 << 10}
}

func TestFetchResponse(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ reason, text, want string }{
		{"as asked for", "* 1 FETCH (UID 5 BODY[]<0> {2}\r\nhi)\r\n", "5 hi"},
		{"in another order, and with what was not asked for", "* 1 fetch (MODSEQ (7) BODY[]<0> {2}\r\nhi FLAGS (\\Seen $x) uid 5)\r\n", "5 hi"},
		{"a quoted body", `* 1 FETCH (UID 5 BODY[]<0> "h\"i (")` + "\r\n", `5 h"i (`},
		{"a literal that looks like the end", "* 1 FETCH (UID 5 BODY[]<0> {10}\r\n)\r\na1 OK\r\n)\r\n", "5 )\r\na1 OK\r\n"},
		{"two literals", "* 1 FETCH (X {1}\r\na UID 5 BODY[] {1}\r\nb)\r\n", "5 b"},
		{"a literal in a list", "* 1 FETCH (X (a {1}\r\na) UID 5 BODY[] {1}\r\nb)\r\n", "5 b"},
		{"nothing", "* 1 FETCH (UID 5 BODY[]<0> NIL)\r\n", "5 "},
		{"LF alone", "* 1 FETCH (UID 5 BODY[]<0> {2}\nhi)\n", "5 hi"},
		{"no list", "* 1 FETCH UID 5\r\n", ""},
		{"a list without end", "* 1 FETCH (UID 5 X (a b)\r\n", ""},
		{"a list that ends too often", "* 1 FETCH (UID 5) X 1)\r\n", ""},
		{"a string without end", "* 1 FETCH (UID 5 X \"a)\r\n", ""},
		{"a string that ends in a backslash", "* 1 FETCH (UID 5 X \"a\\)\r\n", ""},
		{"a name without a value", "* 1 FETCH (UID 5 X)\r\n", ""},
		{"no number", "* 1 FETCH (UID x)\r\n", ""},
		{"a NUL that is no literal", "* 1 FETCH (UID 5 X \x00)\r\n", ""},
		{"a literal longer than what was asked for", "* 1 FETCH (UID 5 X {1025}\r\n", ""},
		{"many literals", "* 1 FETCH (" + strings.Repeat("X {1}\r\na ", 20) + ")\r\n", ""},
	} {
		r, err := reading(row.text).read()
		var f fetched
		if err == nil {
			f, _, err = r.fetch()
		}
		got := ""
		if err == nil {
			got = numbers([]uint32{f.uid}) + " " + string(f.body)
		}
		if got != row.want {
			t.Errorf("%s: got %q, %v, want %q", row.reason, got, err, row.want)
		}
	}
}

func TestSearchResponse(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		text string
		want []uint32
	}{
		{"* SEARCH 2 4 3", []uint32{2, 4, 3}},
		{"* SEARCH", nil},
		{"* SEARCH 2 (MODSEQ 917162500)", []uint32{2}},
		{`* ESEARCH (TAG "a5") UID COUNT 4 ALL 2:4,9`, []uint32{2, 3, 4, 9}},
		{`* ESEARCH (TAG "a5") UID`, nil},
		{"* OK 7", nil},
	} {
		if got, err := (response{text: row.text}).search(nil); err != nil || !slices.Equal(got, row.want) {
			t.Errorf("%s: got %v, %v", row.text, got, err)
		}
	}
}

func TestFolderName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"INBOX": "INBOX", "R&D": "R&-D", "Gelöscht": "Gel&APY-scht", "台北/日本語": "&U,BTFw-/&ZeVnLIqe-", "😀": "&2D3eAA-"} {
		if got := folderName(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	if got := numbers([]uint32{1, 2, 3, 5, 7, 8, 4294967295}); got != "1:3,5,7:8,4294967295" {
		t.Errorf("got %s", got)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	got := arguments("LOGIN", `a\"b`, "pä\"ss", "", "x\r\na9 DELETE INBOX")
	if want := []string{`LOGIN "a\\\"b" {6}`, "pä\"ss \"\" {18}", "x\r\na9 DELETE INBOX"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("* 1 FETCH (UID 5 BODY[]<0> {2}\r\nhi FLAGS (\\Seen) X \"a\\\"\")\r\na1 OK\r\n")
	f.Add("* ESEARCH (TAG \"a5\") UID ALL 2:4,9\r\n* SEARCH 1 2\r\n* BYE x\r\n* OK [UIDNEXT 5] y\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		w := reading(text)
		for {
			r, err := w.read()
			if err != nil {
				return
			}
			w.untagged(r)
			r.code("UIDNEXT")
			if _, err := r.search(nil); err != nil {
				continue
			}
			if f, ok, err := r.fetch(); ok && (err != nil || len(f.body) > len(text)) {
				t.Errorf("read %d bytes, %v", len(f.body), err)
			}
		}
	})
}
