// Lab runs the private Postfix of package lab: by hand, to try scripts on, or around one command.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/daemon"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

const usage = `usage: lab [-h | -- COMMAND [ARGUMENT…]]

Starts a private Postfix on free ports of 127.0.0.1: the tutorial's maila.example.com, with
nothing that could leave this machine. It needs root and a few packages, and says which.

Without COMMAND it prints the smtplay command line for it, and stops it at Ctrl-C or SIGTERM.
With COMMAND it runs that, stops Postfix after it, and has its exit status. COMMAND finds in
its environment:

  SMTPLAY_SERVER              the listener "smtp", 127.0.0.1:PORT
  SMTPLAY_TARGET_NAME         each listener: smtp local submission submissions xclient
  SMTPLAY_CA                  the file of the CA that signed the server's certificate
  SMTPLAY_TLS_NAME            the name in that certificate
  SMTPLAY_SECRET_password     the password of james@new.example.com
  SMTPLAY_TARGET_mx           where it sends the mail of example.net: for listen "mx" in a script
  SMTPLAY_VAR_send            yes: this server's mail goes nowhere else
  SMTPLAY_VAR_inbox           the Maildir of james@new.example.com
  SMTPLAY_VAR_mail_log        the file of the mail log
  SMTPLAY_FLAGS               all of it but the password, as flags for "smtplay run"
  SMTPLAY_LOG                 the file of the mail log
  SMTPLAY_FLUSH               the command that makes it try again at once what it keeps for later

Exit status: that of COMMAND (128 and more when a signal ended it); 2 usage; 3 no Postfix, or
no such COMMAND.
`

// retry is how long what example.net puts off waits: long enough to be seen in
// the queue, short enough to be waited for.
const retry = 5 * time.Second

// served is the server, and where it sends mail to.
type served struct {
	*lab.Postfix
	mx string
}

// flush is the command that makes it try at once what it keeps for later.
func (s *served) flush() string { return "postqueue -c " + filepath.Join(s.Dir(), "etc") + " -f" }

const (
	exitUsage = 2
	exitFault = 3
)

// run does what the arguments say and returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	var command []string
	switch {
	case len(args) == 1 && (args[0] == "-h" || args[0] == "--help"):
		fmt.Fprint(stdout, usage)
		return 0
	case len(args) > 1 && args[0] == "--":
		command = args[1:]
	case len(args) > 0:
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	// Before the start, so that no signal finds a server and nobody who stops it.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	starting, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	mx, err := daemon.ReservePort()
	if err != nil {
		return fault(stderr, err)
	}
	defer mx.Close()
	started, err := lab.Start(starting, lab.Options{Retry: retry, Outbound: []lab.Outbound{{Domain: "example.net", Address: mx.Addr}}})
	if err != nil {
		return fault(stderr, err)
	}
	server := &served{started, mx.Addr}
	status := 0
	if command == nil {
		fmt.Fprint(stdout, invocation(server))
		fmt.Fprintf(stderr, "mail to example.net goes to listen \"mx\"; %q tries it again at once\n", server.flush())
		fmt.Fprintf(stderr, "mail log: %s; Ctrl-C stops the server\n", server.LogFile())
		<-signals
	} else {
		status = around(server, command, signals, stdout, stderr)
	}
	if err := server.Stop(); err != nil {
		return fault(stderr, err)
	}
	return status
}

// fault reports what kept the lab from its work.
func fault(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "lab: error: %s\n", strings.TrimPrefix(err.Error(), "lab: "))
	return exitFault
}

// flags are the arguments of "smtplay run" for this server, a line's worth in each element.
func flags(server *served) []string {
	targets := make([]string, 0, len(server.Names()))
	for _, name := range server.Names() {
		if name != "smtp" { // the server itself
			targets = append(targets, "--target "+name+"="+server.Addr(name))
		}
	}
	targets = append(targets, "--target mx="+server.mx)
	return []string{
		"--server " + server.Addr("smtp"),
		strings.Join(targets, " "),
		"--ca " + server.CAFile() + " --tls-name " + lab.Hostname + " --var send=yes",
		"--var inbox=" + server.Maildir(lab.User) + " --var mail_log=" + server.LogFile() + " --allow read=" + server.Dir(),
	}
}

// invocation is the whole command, to be pasted into a shell.
func invocation(server *served) string {
	return "SMTPLAY_SECRET_password=" + lab.Password + " smtplay run " +
		strings.Join(flags(server), " \\\n  ") + " scripts/\n"
}

// environment is what usage promises to COMMAND.
func environment(server *served) []string {
	env := []string{
		"SMTPLAY_SERVER=" + server.Addr("smtp"),
		"SMTPLAY_CA=" + server.CAFile(),
		"SMTPLAY_TLS_NAME=" + lab.Hostname,
		"SMTPLAY_SECRET_password=" + lab.Password,
		"SMTPLAY_TARGET_mx=" + server.mx,
		"SMTPLAY_VAR_send=yes",
		"SMTPLAY_VAR_inbox=" + server.Maildir(lab.User),
		"SMTPLAY_VAR_mail_log=" + server.LogFile(),
		"SMTPLAY_FLAGS=" + strings.Join(flags(server), " "),
		"SMTPLAY_LOG=" + server.LogFile(),
		"SMTPLAY_FLUSH=" + server.flush(),
	}
	for _, name := range server.Names() {
		env = append(env, "SMTPLAY_TARGET_"+name+"="+server.Addr(name))
	}
	return env
}

// around runs a command while the server is there and returns its exit status.
func around(server *served, command []string, signals <-chan os.Signal, stdout, stderr io.Writer) int {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), environment(server)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, stdout, stderr
	if err := cmd.Start(); err != nil {
		return fault(stderr, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			// A Ctrl-C the terminal has given to the command already.
			if s != os.Interrupt {
				_ = cmd.Process.Signal(s)
			}
		case err := <-ended:
			return exitStatus(err, stderr)
		}
	}
}

// exitStatus turns the end of a command into a number, as a shell does.
func exitStatus(err error, stderr io.Writer) int {
	var exit *exec.ExitError
	if err == nil {
		return 0
	}
	if !errors.As(err, &exit) {
		return fault(stderr, err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
