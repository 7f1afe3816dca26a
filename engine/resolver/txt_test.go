package resolver_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"smtplay/engine/resolver"
	"smtplay/engine/resolver/resolvertest"
)

func TestLookupTXT(t *testing.T) {
	long := strings.Repeat("p", 255)
	server, _ := resolvertest.Zone(t,
		`one.example. TXT "v=spf1 -all"`,
		`two.example. TXT "a"`, `two.example. TXT "b"`,
		`key.example. TXT "v=DKIM1; p=`+long[:200]+`" "`+long+`" "`+long+`" "`+long+`" "`+long+`" "end"`,
		`odd.example. TXT "a\"b\\c\;d\009e\255f é"`,
		`empty.example. TXT ""`,
		`alias.example. CNAME one.example.`,
		`none.example. A 127.0.0.1`,
	)
	for _, row := range []struct{ reason, name, want string }{
		{"one", "one.example", `["v=spf1 -all"]`},
		{"any case, a final dot", "ONE.example.", `["v=spf1 -all"]`},
		{"two", "two.example", `["a" "b"]`},
		{"strings are put together, and what is long comes by TCP", "key.example", fmt.Sprintf("[%q]", "v=DKIM1; p="+long[:200]+long+long+long+long+"end")},
		{"octets as they are", "odd.example", `["a\"b\\c;d\te\xfff é"]`},
		{"an empty one is one", "empty.example", `[""]`},
		{"through an alias", "alias.example", `["v=spf1 -all"]`},
		{"another type", "none.example", "the DNS has no TXT for none.example"},
		{"no such name", "missing.example", "the DNS has no missing.example"},
		{"no name", "a..b", `"a..b" is no name that the DNS can be asked for`},
	} {
		got, err := (&resolver.Resolver{Server: server}).LookupTXT(t.Context(), row.name)
		text := fmt.Sprintf("%q", got)
		if err != nil {
			text = err.Error()
		}
		if text != row.want {
			t.Errorf("%s: %s, want %s", row.reason, text, row.want)
		}
	}
	failing := resolvertest.Start(t, func(dns.Question) resolvertest.Reply { return resolvertest.Reply{Rcode: dns.RcodeServerFailure} })
	var failed *resolver.Error
	if _, err := (&resolver.Resolver{Server: failing}).LookupTXT(t.Context(), "one.example"); !errors.As(err, &failed) || !failed.ServFail {
		t.Errorf("a failure is not that there is none: %v", err)
	}
}
