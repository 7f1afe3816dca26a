package paste

import (
	"bytes"
	"net"
	"slices"
	"strings"
)

// peer is where a connection leads, as far as a tool says it.
type peer struct {
	host, port string
	tool       tool
	connected  bool // the connection is made, no longer being tried
}

// reach begins the conversation with a server. Where the connection is made it
// may have begun: by what was typed ahead.
func (c *conversation) reach(to peer) verdict {
	if len(c.entries) > 0 && !(to.connected && c.reached && !c.greeted && c.replies == 0) {
		return another
	}
	c.settleMaybe()
	c.reached = true
	if to.tool != unknownTool {
		c.tool = to.tool
	}
	if to.host != "" && (c.host == "" || c.port == "") {
		c.host = to.host
	}
	if to.port != "" {
		c.port = to.port
	}
	return taken
}

// reaches reads a line that tells of a connection.
func reaches(said []byte) (to peer, ok bool) {
	for _, f := range connecting {
		if !bytes.HasPrefix(said, []byte(f.begin)) {
			continue
		}
		if m := f.form.FindSubmatch(said); m != nil {
			to = peer{host: strings.Trim(string(m[1]), "[]"), tool: f.tool, connected: bytes.Contains(said, []byte("Connected to "))}
			if len(m) > 2 {
				to.port = string(m[2])
			}
			return to, true
		}
	}
	to.host, to.port, ok = prompt(said)
	return to, ok
}

var connecting = []struct {
	begin string
	tool  tool
	form  *lazyRegexp
}{
	{"Trying ", unknownTool, lazily(`^Trying (\S+?)\.\.\.$`)}, // telnet
	{"Connected to ", unknownTool, lazily(`^Connected to (\S+?)\.$`)},
	{"Connection to ", unknownTool, lazily(`^Connection to (\S+)(?: \S+)? (\d+) port .* succeeded!$`)}, // nc
	{"Ncat: Connected to ", unknownTool, lazily(`^Ncat: Connected to (\S+):(\d+)\.$`)},
	{"(UNKNOWN) [", unknownTool, lazily(`^\(UNKNOWN\) \[(\S+)\] (\d+) \(.*\) open$`)},
	{"=== Trying ", swaks, lazily(`^=== Trying (\S+):(\d+)\.\.\.$`)},
	{"=== Connected to ", swaks, lazily(`^=== Connected to (\S+?)\.$`)},
	{"* ", curl, lazily(`^\*\s+Trying (\S+):(\d+)\.\.\.$`)},
	{"* ", curl, lazily(`^\*\s+Trying (\S+?)\.\.\.$`)},
	{"* ", curl, lazily(`^\* Connected to \S+ \((\S+)\) port (\d+)`)},
	{"Connecting to ", exim, lazily(`^Connecting to \S+ \[(\S+)\]:(\d+) .*$`)},
	{"**** SMTP testing session", eximTest, lazily(`^\*\*\*\* SMTP testing session as if from host ()`)},
}

var promptTools = [][]byte{[]byte("telnet"), []byte("s_client"), []byte("swaks"), []byte("nc "), []byte("netcat"), []byte("ncat"), []byte("curl"), []byte("exim"), []byte("gnutls-cli")}

var promptForm = lazily(`^(?:\S*[^<>]*[$#%>] )?(?:sudo )?(telnet|openssl s_client|swaks|nc|ncat|netcat|curl|exim4?|gnutls-cli)( .*)?$`)

// prompt reads a command line of the shell, which says where a tool connects.
func prompt(said []byte) (host, port string, ok bool) {
	if !slices.ContainsFunc(promptTools, func(tool []byte) bool { return bytes.Contains(said, tool) }) {
		return "", "", false // nearly every line: looking for a form costs more
	}
	m := promptForm.FindSubmatch(said)
	if m == nil {
		return "", "", false
	}
	tool, args := string(m[1]), strings.Fields(string(m[2]))
	bare := bytes.HasPrefix(said, m[1])
	switch tool {
	case "telnet", "nc", "ncat", "netcat":
		var words []string
		for _, a := range args {
			if !strings.HasPrefix(a, "-") {
				words = append(words, a)
			}
		}
		if len(words) == 0 || len(words) > 2 || bare && !strings.ContainsAny(words[0], ".:") && words[0] != "localhost" {
			return "", "", false
		}
		return words[0], strings.Join(words[1:], ""), true
	case "openssl s_client":
		host, port, _ = net.SplitHostPort(option(args, "-connect"))
	case "swaks":
		host, port, _ = net.SplitHostPort(option(args, "-s", "--server"))
		if host == "" {
			host, port = option(args, "-s", "--server"), option(args, "-p", "--port")
		}
	}
	return host, port, !bare || len(args) > 0 && strings.HasPrefix(args[0], "-")
}

// option is what follows one of the names in a command line.
func option(args []string, names ...string) string {
	for i, a := range args[:max(len(args)-1, 0)] {
		for _, n := range names {
			if a == n {
				return args[i+1]
			}
		}
	}
	return ""
}
