package mailbox

import "context"

// OpenMaildir opens the Maildir at path, which must be there: else the error is a *FolderError.
func OpenMaildir(ctx context.Context, path string) (*Maildir, error) { return nil, nil }

// Maildir is a folder with new, cur and tmp in it.
type Maildir struct{}

// FolderError says why a path is no Maildir.
type FolderError struct {
	Path    string // as it was given
	Missing string // the folder that is missing, or what the path is instead
	Err     error
}
