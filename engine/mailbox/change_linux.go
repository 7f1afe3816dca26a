package mailbox

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime is when anything of a file last changed, its name too: nobody can set
// that, so a file that arrived after some time did not change before it.
func changeTime(info fs.FileInfo) (at time.Time, known bool) {
	stat, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return time.Time{}, false
	}
	return time.Unix(stat.Ctim.Unix()), true
}
