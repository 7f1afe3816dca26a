package daemon

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
)

// Install copies programs of the system, with the shared libraries that they load, to where they lie, or to
// /bin, below the folder: for a server that has the folder for its whole world.
func (d *Daemon) Install(programs ...string) error {
	for _, program := range programs {
		if err := d.install(program, filepath.Join("bin", filepath.Base(program))); err != nil {
			return fmt.Errorf("%s: installing %s: %w", d.name, program, err)
		}
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
		found, err := findLibrary(library)
		if err != nil {
			return err
		}
		if err := d.install(found, found); err != nil {
			return err
		}
	}
	return nil
}

// findLibrary looks for a shared library where the loader does by default.
func findLibrary(name string) (string, error) {
	for _, dir := range []string{"/lib/*-linux-gnu*", "/usr/lib/*-linux-gnu*", "/lib64", "/usr/lib64", "/lib", "/usr/lib"} {
		if found, _ := filepath.Glob(filepath.Join(dir, name)); len(found) > 0 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("the library %s: %w", name, os.ErrNotExist)
}
