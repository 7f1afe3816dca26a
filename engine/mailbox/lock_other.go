//go:build !unix

package mailbox

import (
	"errors"
	"os"
)

// lockFile: no mail software agrees on a lock here.
func lockFile(*os.File, bool) error { return errors.ErrUnsupported }

func unlockFile(*os.File) {}
