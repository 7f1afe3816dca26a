// Package daemon keeps one server program private: in a folder of its own, on free ports of
// 127.0.0.1, for as long as the process that started it lives and no longer. It is what package lab and
// the packages below it (exim, opensmtpd, chasquid, dovecot, sshd) have in common.
//
// [New] makes the folder and puts a watchdog beside it; [Daemon.Listen] reserves ports, [Daemon.Write]
// and [Daemon.Mkdir] fill the folder, [Daemon.Run] starts the program in the foreground and
// waits until its ports answer, [Daemon.Stop] ends all its processes and removes the folder.
//
// A process belongs to the server if it stands in the folder or below, chroot or not: servers go to
// their spool, and their children stay there, whatever user or process group they make themselves. The
// watchdog is a shell in a session of its own that waits for the end of a pipe whose other end
// only this process holds: however this process ends, also by SIGKILL, the kernel closes the
// pipe, and the watchdog ends the server and removes the folder.
package daemon
