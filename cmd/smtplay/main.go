// Smtplay runs SMTP conversations that are written down as Lua scripts, and
// says where a mail server does not do what they demand.
package main

import "os"

func main() {
	os.Exit(run(newProcess()))
}
