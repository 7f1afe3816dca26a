// Package lab runs a private Postfix on loopback: the real server that scripts, tests and
// "make postfix" talk to.
//
// [Start] gives a [Postfix] with five listeners, each on a free port of 127.0.0.1, all set up
// as the mail server of the tutorial, maila.example.com:
//
//	smtp         the outside view: takes mail for james@new.example.com, refuses to relay,
//	             offers STARTTLS, and AUTH only after it
//	local        the view from localhost: relays (to a local sink)
//	submission   for users: STARTTLS and AUTH come first, without them nothing is taken
//	submissions  the same, with TLS from the first byte
//	xclient      as smtp, for a client that uses XCLIENT to be somebody else
//
// The user is james@new.example.com, the password yourpassword. [Options] changes all of that
// at the start, [Postfix.Reconfigure] later, as an administrator's edit and restart would.
//
// # What keeps it private
//
// Configuration, queue, data, log, mailboxes and keys lie in one folder of their own; /etc/postfix
// is not read. Mail for foreign domains goes to a folder ("sink"), where [Postfix.Messages] finds it. There is no
// service in it that sends mail over the network but those of [Options].Outbound, which can reach loopback alone, whatever the
// options say. It asks the DNS nothing, unless an option brings a restriction that does.
//
// # What keeps it from staying behind
//
// A Postfix master makes itself a session and has no parent that could take it along, so [Start] puts
// a watchdog beside it: a shell in a session of its own that waits for the end of a pipe whose
// other end only this process holds. However this process ends, by [Postfix.Stop], a panic,
// os.Exit or SIGKILL, the kernel closes the pipe, and the watchdog ends the server and removes
// its folder. Only something that kills the watchdog as well (a SIGKILL to everything at once, the end of a
// container) leaves a folder behind, and then no process either.
//
// # What it needs
//
// Linux, root (Postfix starts for nobody else, and drops to its own users by itself) and the
// Debian packages that [Missing] names. Tests use package labtest, which skips or fails by that list.
package lab
