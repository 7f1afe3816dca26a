// Package message makes messages: RFC 5322 headers and MIME bodies (RFC 2045 to
// 2049) as bytes with CRLF line ends, ready for DATA or BDAT. It sends nothing
// and reads no files. It has a room of its own because the conversation, which
// sends whatever bytes it is given, needs to know nothing of MIME.
package message
