package lab

import (
	"os"
	"os/exec"
	"path/filepath"

	"smtplay/engine/lab/daemon"
)

// InstallCommand is what puts the packages of [Missing] on a Debian machine. The variable in front
// keeps the postfix package from asking questions.
const InstallCommand = "DEBIAN_FRONTEND=noninteractive apt-get install postfix libsasl2-modules sasl2-bin"

// Missing lists what this machine lacks to run a Postfix: "linux", "root", "package NAME".
// It is empty where [Start] can work.
func Missing() []string {
	if !daemon.Supported {
		return []string{"linux"}
	}
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	if !hasProgram("postfix") || !hasProgram("postconf") {
		missing = append(missing, "package postfix")
	}
	if !hasProgram("saslpasswd2") {
		missing = append(missing, "package sasl2-bin")
	}
	if !hasPlugin("libplain.so*") || !hasPlugin("liblogin.so*") {
		missing = append(missing, "package libsasl2-modules")
	}
	return missing
}

// hasProgram reports whether name can be run from the system path.
func hasProgram(name string) bool {
	_, err := exec.LookPath(programPath(name))
	return err == nil
}

// programPath finds a program on the system path whatever PATH says, so that what runs here
// is the system's. A name that is nowhere is returned as it is.
func programPath(name string) string {
	for _, dir := range filepath.SplitList(daemon.SystemPath) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return name
}

// hasPlugin reports whether a Cyrus SASL mechanism is installed: a shared object
// that no package query is needed for.
func hasPlugin(glob string) bool {
	for _, dir := range []string{"/usr/lib/*/sasl2", "/usr/lib/sasl2", "/usr/lib64/sasl2"} {
		if found, _ := filepath.Glob(filepath.Join(dir, glob)); len(found) > 0 {
			return true
		}
	}
	return false
}
