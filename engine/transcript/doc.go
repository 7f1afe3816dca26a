// Package transcript is the record of what happened in a conversation: its
// events, the recorder that keeps them with every secret masked, the .smtp text
// form in which people read, review and replay them, and how two of them differ.
package transcript
