package imap

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
)

// folderName writes the name of a folder in modified UTF-7 (RFC 3501 5.1.3), which is ASCII.
func folderName(name string) string {
	var b strings.Builder
	var far []rune // since the last that is ASCII
	shift := func() {
		if len(far) > 0 {
			var bytes []byte
			for _, u := range utf16.Encode(far) {
				bytes = append(bytes, byte(u>>8), byte(u))
			}
			b.WriteString("&" + strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(bytes), "/", ",") + "-")
			far = nil
		}
	}
	for _, r := range name {
		if r < ' ' || r > '~' {
			far = append(far, r)
			continue
		}
		shift()
		b.WriteRune(r)
		if r == '&' {
			b.WriteByte('-')
		}
	}
	shift()
	return b.String()
}
