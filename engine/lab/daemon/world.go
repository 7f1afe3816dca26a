package daemon

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Nowhere is a resolv.conf that leads nowhere: the kernel refuses to send to a link-local address without an interface
// (RFC 4007 section 6), so no look-up leaves this machine, and none has to be waited for.
const Nowhere = "nameserver fe80::1\n"

// MakeWorld makes what a server finds for whom the folder is its whole world: a resolver by which nothing can
// be looked up, localhost, and a /dev/null that is a file, as nobody reads what it is for.
func (d *Daemon) MakeWorld() error {
	return errors.Join(
		d.Write("etc/resolv.conf", []byte(Nowhere), 0o644, Owner{}),
		d.Write("etc/hosts", []byte("127.0.0.1 localhost\n"), 0o644, Owner{}),
		d.Write("dev/null", nil, 0o666, Owner{}),
	)
}

// Install copies a program of the system into the folder under that name, and the shared libraries that it
// loads to where they are looked for.
func (d *Daemon) Install(program, name string) error {
	if err := d.install(program, name); err != nil {
		return fmt.Errorf("%s: installing %s: %w", d.name, program, err)
	}
	return nil
}

// install copies one file to a name of the folder, and what it needs.
func (d *Daemon) install(file, name string) error {
	if _, err := os.Stat(d.Path(name)); err == nil {
		return nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := d.Write(name, content, 0o755, Owner{}); err != nil {
		return err
	}
	object, err := elf.Open(file)
	if err != nil {
		return err
	}
	defer object.Close()
	if section := object.Section(".interp"); section != nil {
		text, err := section.Data()
		if err != nil {
			return err
		}
		loader := string(text[:len(text)-1]) // without its NUL
		if err := d.install(loader, loader); err != nil {
			return err
		}
	}
	libraries, err := object.ImportedLibraries()
	if err != nil {
		return err
	}
	for _, library := range libraries {
		found, err := findLibrary(library, object.Machine)
		if err != nil {
			return err
		}
		if err := d.install(found, found); err != nil {
			return err
		}
	}
	return nil
}

// findLibrary looks for a shared library where the loader does by default; a machine may have it for several
// architectures.
func findLibrary(name string, machine elf.Machine) (string, error) {
	for _, dir := range []string{"/lib/*-linux-gnu*", "/usr/lib/*-linux-gnu*", "/lib64", "/usr/lib64", "/lib", "/usr/lib"} {
		found, _ := filepath.Glob(filepath.Join(dir, name))
		for _, path := range found {
			object, err := elf.Open(path)
			if err != nil {
				continue
			}
			_ = object.Close()
			if object.Machine == machine {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("the library %s: %w", name, os.ErrNotExist)
}
