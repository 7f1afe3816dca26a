package engine

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// The example of RFC 2195 section 2.
func TestCramMD5(t *testing.T) {
	c := cramMD5(Credentials{User: "tim", Password: "tanstaaftanstaaf"})
	got, err := c.Next([]byte("<1896.697170952@postoffice.reston.mci.net>"))
	if err != nil || string(got) != "tim b913a602c7eda7a495b4e6e7334d3890" {
		t.Errorf("%q, %v", got, err)
	}
}

// The examples of RFC 2831 section 4, and what they do not show.
func TestDigestMD5(t *testing.T) {
	for _, row := range []struct {
		name, challenge string
		who             Credentials
		uri, cnonce     string
		holds           []string // of the answer
		rspauth         string
	}{
		{"IMAP", `realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8`, Credentials{User: "chris", Password: "secret"}, "imap/elwood.innosoft.com", "OA6MHXh6VqTrRk",
			[]string{`charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",response=d388dad90d4bbd760a152321f2143af7,qop=auth`},
			"ea40f60335c427b5527b84dbabcdfffd"},
		{"ACAP", `realm="elwood.innosoft.com", nonce="OA9BSXrbuRhWay",qop="auth",algorithm=md5-sess,charset=utf-8`, Credentials{User: "chris", Password: "secret"}, "acap/elwood.innosoft.com", "OA9BSuZWMSpW8m",
			[]string{"response=6084c6db3fede7352c551284490fd0fc"}, "2f0b3d7c3c2e486600ef710726aa2eae"},
		{"the second realm, quoted", `realm="a",realm="b \"c\"",nonce="n",algorithm=md5-sess`, Credentials{User: `j"m`, Password: "p", Realm: `b "c"`}, "smtp/x", "c", []string{`username="j\"m",realm="b \"c\""`}, ""},
		{"no realm", `nonce="n",algorithm=md5-sess,qop="auth-int, auth"`, Credentials{User: "u", Password: "p"}, "smtp/x", "c", []string{`username="u",nonce="n"`}, ""},
		{"in Latin 1 without a charset", `nonce="n",algorithm=md5-sess`, Credentials{User: "jürgen", Password: "p"}, "smtp/x", "c", []string{"username=\"j\xfcrgen\""}, ""},
		{"in UTF-8 with one", `nonce="n",algorithm=md5-sess,charset=utf-8`, Credentials{User: "jürgen", Password: "p", Identity: "x"}, "smtp/x", "c", []string{`username="jürgen"`, `,authzid="x"`}, ""},
	} {
		d := digestMD5(row.who).(*digestClient)
		d.uri, d.cnonce = row.uri, row.cnonce
		got, err := d.Next([]byte(row.challenge))
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		for _, part := range row.holds {
			if !strings.Contains(string(got), part) {
				t.Errorf("%s: %q lacks %q", row.name, got, part)
			}
		}
		if row.rspauth == "" {
			continue
		}
		if d.Unproven() == "" {
			t.Errorf("%s: proven before the server's proof", row.name)
		}
		if _, err := d.Next([]byte("rspauth=" + row.rspauth)); err != nil || d.Unproven() != "" {
			t.Errorf("%s: %v, %q", row.name, err, d.Unproven())
		}
	}
}

func FuzzParseDirectives(f *testing.F) {
	for _, s := range []string{`realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8`, `a=b, c = "d\"e" ,,f=`, `rspauth=00`, `a="`, `=`, `a=b"c"`, "\x00=\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		said, err := parseDirectives(s)
		if err != nil {
			return
		}
		var again []string
		for name, values := range said {
			for _, v := range values {
				again = append(again, name+"="+quotedString(v))
			}
		}
		other, err := parseDirectives(strings.Join(again, ","))
		if err != nil || len(other) != len(said) {
			t.Fatalf("%q: %q, then %q, %v", s, said, other, err)
		}
		for name, values := range said {
			if strings.Join(values, "\x00") != strings.Join(other[name], "\x00") {
				t.Errorf("%q: %s is %q, then %q", s, name, values, other[name])
			}
		}
	})
}

func FuzzTokenRefusal(f *testing.F) {
	for _, s := range []string{`{"status":"401","schemes":"bearer","scope":"x"}`, `{"a":[1,{"b":null}]}`, `{}`, `[]`, `"x"`, `{"status":"\u001b[2J"}`, `{"\u001b":"\u009b"}`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, challenge []byte) {
		said := TokenRefusal(challenge, nil)
		if said != "" && !json.Valid(challenge) {
			t.Errorf("%q says %q", challenge, said)
		}
		if strings.ContainsAny(said, "\x1b\u009b\r\n\x00") || len(said) > 500 || !utf8.ValidString(said) {
			t.Errorf("%q says %q", challenge, said)
		}
	})
}

// FuzzSCRAM: whatever a server says, its first message is answered or refused,
// and without a signature nothing is proven.
func FuzzSCRAM(f *testing.F) {
	for _, s := range [][2]string{
		{"r=NONCEx,s=QUFB,i=4096", "v=QUFB"}, {"r=NONCEx,s=,i=1", "v="}, {"r=NONCE,s=QUFB,i=4096", "e=other-error"}, {"r=NONCEx,s=QUFB,i=-1", ""},
		{"m=x,r=NONCEx,s=QUFB,i=4096", "x"}, {"r=NONCEx,s=QUFB,i=1,i=99999999", "v=QUFB,x=y"}, {"e=no", "v=QUFB"}, {",,", ","}, {"r=NONCEx,s=!,i=4096", ""},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, first, last string) {
		c := scram("SCRAM-SHA-256")(Credentials{User: "u", Password: "p"}).(*scramClient)
		if _, _, err := c.Start(); err != nil {
			t.Fatal(err)
		}
		answer, err := c.Next([]byte(strings.ReplaceAll(first, "NONCE", c.nonce)))
		if err == nil && c.refusal == "" && !strings.HasPrefix(string(answer), "c=biws,r="+c.nonce) {
			t.Errorf("%q is answered by %q", first, answer)
		}
		if err != nil {
			return // the exchange is over
		}
		if _, err := c.Next([]byte(last)); err == nil && c.refusal == "" {
			t.Errorf("%q, then %q is a proof", first, last)
		}
		if c.Unproven() == "" {
			t.Errorf("%q, then %q is proven", first, last)
		}
	})
}

// FuzzDigestMD5: the same.
func FuzzDigestMD5(f *testing.F) {
	for _, s := range [][2]string{
		{`realm="x",nonce="n",qop="auth",algorithm=md5-sess,charset=utf-8`, "rspauth=00"}, {`nonce=n,algorithm=md5-sess`, `rspauth=""`}, {`nonce="\"",algorithm=md5-sess,realm=","`, "rspauth"}, {"", ""},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, first, last string) {
		c := digestMD5(Credentials{User: "u", Password: "p"}).(*digestClient)
		answer, err := c.Next([]byte(first))
		if err == nil {
			said, err := parseDirectives(string(answer))
			asked, _ := parseDirectives(first)
			if err != nil || c.want == "" || len(said["nonce"]) != 1 || said["nonce"][0] != asked["nonce"][0] || len(said["response"]) != 1 || len(said["response"][0]) != 32 {
				t.Errorf("%q is answered by %q: %v", first, answer, err)
			}
		}
		if _, err := c.Next([]byte(last)); err == nil && c.proven || c.Unproven() == "" {
			t.Errorf("%q, then %q is proven", first, last)
		}
	})
}
