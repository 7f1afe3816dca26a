// Package maillog reads Postfix's log: what became of a message after the reply
// that took it. It finds the lines that were written since a test began, at the
// end of a file of any size, and follows the file as it grows and is rotated.
//
// Time. A line belongs to the test if its time is not before the test's start.
// The syslog form ("Nov 29 12:26:55") has whole seconds, no year and no zone: the
// start counts from the beginning of its second, the year is the nearest, the zone
// is that of [Log.Zone]. So a line of the same second before the start counts too:
// demands that name a queue id are not misled by it. A log whose clock or zone runs
// ahead of the machine that reads it would make old lines look new: it is refused
// with [Ahead].
//
// Bounds. A line counts up to [MaxLine] bytes. Await ends with its context or after
// its time. Memory does not grow with the log.
package maillog
