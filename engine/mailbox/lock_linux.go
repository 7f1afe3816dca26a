package mailbox

import "golang.org/x/sys/unix"

// setLock makes the lock that of the open file, not of the process: closing the file
// elsewhere in the process leaves it. Others see an fcntl lock as any.
const setLock = unix.F_OFD_SETLK
