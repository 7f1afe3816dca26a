package maillog

import (
	"bytes"
	"io"
	"io/fs"
	"time"
)

// cursor is how far a file was read.
type cursor struct {
	file    File
	size    int64     // of the file when it was last looked at
	changed time.Time // when it was written last, then
	offset  int64     // what was read of it
	line    []byte    // the beginning of a line whose end is not written yet
	at      int64     // where that line begins
	mark    []byte    // the last bytes before offset, to see whether they are still there
}

// maxMark is how much of what was read is compared. A line has its time in it.
const maxMark = 512

// take takes what stands at the offset, and gives each line that it ends to line, whose
// text is valid for the call only.
func (c *cursor) take(text []byte, line func(at int64, text []byte)) {
	c.mark = append(c.mark, text[max(0, len(text)-maxMark):]...)
	c.mark = append(c.mark[:0], c.mark[max(0, len(c.mark)-maxMark):]...)
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n') + 1
		part := text[:end]
		if end == 0 {
			part = text
		}
		c.offset += int64(len(part))
		if end > 0 && len(c.line) == 0 {
			line(c.at, part[:min(len(part), MaxLine)])
		} else {
			c.line = append(c.line, part[:min(len(part), MaxLine-len(c.line))]...)
			if end > 0 {
				line(c.at, c.line)
			}
		}
		if end > 0 {
			c.line, c.at = c.line[:0], c.offset
		}
		text = text[len(part):]
	}
}

// replaced says whether other text stands in the file now than was read: it was cut, and
// perhaps written again (logrotate's copytruncate).
func (c *cursor) replaced(now fs.FileInfo) (bool, error) {
	if now.Size() < c.offset {
		return true, nil
	}
	if now.Size() == c.size && now.ModTime().Equal(c.changed) || len(c.mark) == 0 {
		return false, nil
	}
	text := make([]byte, len(c.mark))
	n, err := c.file.ReadAt(text, c.offset-int64(len(text)))
	if n < len(text) {
		if err == io.EOF {
			return true, nil
		}
		return false, err
	}
	return !bytes.Equal(text, c.mark), nil
}
