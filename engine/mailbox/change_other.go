//go:build !linux

package mailbox

import (
	"io/fs"
	"time"
)

// changeTime would be when anything of a file last changed.
func changeTime(fs.FileInfo) (at time.Time, known bool) { return time.Time{}, false }
