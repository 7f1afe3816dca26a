package report

import "io"

// Format is a way to write a run for somebody or something to read.
type Format struct {
	Name  string
	About string // in a few words
	Write func(io.Writer, *Run) error
}

// Formats are all of them, in the order in which people are told of them.
func Formats() []Format {
	return []Format{
		{"json", "everything, for programs and for smtplay report", WriteJSON},
		{"html", "one page for people, with every conversation", WriteHTML},
		{"markdown", "a document that a person follows, chapter by chapter", WriteMarkdown},
		{"junit", "XML as Jenkins and GitLab read it", WriteJUnit},
		{"tap", "Test Anything Protocol, version 14", WriteTAP},
		{"tap13", "the same in version 13, for an older prove", WriteTAP13},
		{"prometheus", "metrics for the textfile collector of node_exporter", WritePrometheus},
	}
}

// FormatNamed is the format of that name.
func FormatNamed(name string) (f Format, ok bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}
