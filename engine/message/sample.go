package message

import "strings"

// Sample is a named body: what every filter is built to find.
type Sample uint8

const (
	NoSample Sample = iota
	GTUBE           // the line by which spam filters are tested, in the text
	EICAR           // the file by which virus scanners are tested, attached as eicar.com
)

var sampleWords = []string{"", "gtube", "eicar"}

// String is the name of the sample.
func (s Sample) String() string { return sampleWords[s] }

// Samples are the names of all samples.
func Samples() []string { return sampleWords[1:] }

// SampleNamed is the sample of that name, ignoring case; ok is false where there is none.
func SampleNamed(name string) (s Sample, ok bool) {
	for i, word := range sampleWords[1:] {
		if strings.EqualFold(word, name) {
			return Sample(i + 1), true
		}
	}
	return NoSample, false
}

// content is the sample, put together when it is asked for: a scanner would take
// this file, and the program made of it, for what they only speak of.
func (s Sample) content() string {
	switch s {
	case GTUBE:
		return strings.Join([]string{"XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE", "-TEST-EMAIL*C.34X"}, "")
	case EICAR:
		return strings.Join([]string{`X5O!P%@AP[4\PZX54(P^)7CC)7}$`, "EICAR-STANDARD-ANTIVIRUS", "-TEST-FILE!$H+H*"}, "")
	}
	return ""
}
