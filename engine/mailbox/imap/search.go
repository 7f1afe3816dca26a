package imap

import (
	"fmt"
	"strconv"
	"strings"
)

// mostFound is how many messages of the days in question are looked at.
const mostFound = 100_000

// crowd says that more were found.
type crowd struct{}

func (crowd) Error() string {
	return fmt.Sprintf("more than %d messages of that time", mostFound)
}

// search adds the messages that a SEARCH response (RFC 3501 7.2.5) or, as from a server of IMAP4rev2 alone, an ESEARCH
// response (RFC 9051 7.3.4) names to uids; other responses name none.
func (r response) search(uids []uint32) ([]uint32, error) {
	if rest, ok := r.named("SEARCH"); ok {
		rest, _, _ = strings.Cut(rest, "(") // MODSEQ (RFC 7162 3.1.5)
		return r.members(uids, strings.Fields(rest))
	}
	rest, ok := r.named("ESEARCH")
	if !ok {
		return uids, nil
	}
	if correlator, behind, ok := strings.Cut(rest, ")"); ok && strings.HasPrefix(correlator, "(") {
		rest = behind
	}
	words := strings.Fields(rest)
	for i, name := range words {
		if strings.EqualFold(name, "ALL") && i+1 < len(words) {
			return r.members(uids, strings.Split(words[i+1], ","))
		}
	}
	return uids, nil
}

// members adds numbers and ranges, which a hostile server can make as long as it wants.
func (r response) members(uids []uint32, parts []string) ([]uint32, error) {
	for _, part := range parts {
		from, to, isRange := strings.Cut(part, ":")
		first, err := strconv.ParseUint(from, 10, 32)
		last := first
		if isRange && err == nil {
			last, err = strconv.ParseUint(to, 10, 32)
		}
		first, last = min(first, last), max(first, last)
		if err != nil || first == 0 {
			return nil, &garbage{r.text}
		}
		if last-first >= mostFound || len(uids) >= mostFound {
			return nil, crowd{}
		}
		for uid := first; uid <= last; uid++ {
			uids = append(uids, uint32(uid))
		}
	}
	return uids, nil
}
