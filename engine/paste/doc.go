// Package paste finds SMTP conversations in the text in which people keep them,
// and makes transcripts of them: a telnet session in a wiki, what openssl
// s_client, swaks or curl -v printed, a dialogue with C: and S:, Exim's debug
// output, Postfix's verbose log, a stream that was followed, or a .smtp file.
//
// Nobody has to say which it is, and one text may hold several, of several
// kinds. A line is looked at in four steps:
//
//   - A log has the conversations of many processes side by side. The line goes
//     to the one of its process.
//   - What a tool says of itself is recognised: that it connects, certificates,
//     that the connection was closed.
//   - The mark before the line is taken off: "C:", "<-", ">>>". Who is meant by a
//     mark differs from tool to tool, and is the other way round in a server's own
//     log. So the first line that can only be a reply, or only a command, says it
//     for the conversation.
//   - What is left is a reply or a command by its form, and message text or an
//     answer of AUTH by what came before it.
//
// What is known to be missing is put in its place with a note: a greeting that was
// not copied, the reply to a STARTTLS that s_client sent by itself, message text
// that a tool does not show. What could not be placed is a [Remark], and stands in
// the transcript as a note. Passwords are masked as they are in any transcript.
//
// A text costs as much memory as its longest conversation, within bounds.
package paste
