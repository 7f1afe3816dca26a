package transcript

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// SASLMessage is what a client's message tells of who logs in, and what of it
// must not be seen.
type SASLMessage struct {
	Identity, User string // the authorisation identity and the user, "" where it does not say
	Secret         string // the password or token itself, "" where it does not hold one
	Kind           string // what Secret is called where nobody named it: "password", "token"
	Proof          string // what was made of the password, from which a weak one can be guessed
}

// ReadSASL reads a client's message of a mechanism, decoded. ok is false for a
// mechanism that it does not know, and for what is none of its messages.
func ReadSASL(mechanism, message string) (m SASLMessage, ok bool) {
	switch {
	case mechanism == "PLAIN": // RFC 4616 section 2
		parts := strings.Split(message, "\x00")
		if len(parts) != 3 {
			return m, false
		}
		return SASLMessage{Identity: parts[0], User: parts[1], Secret: parts[2], Kind: "password"}, true
	case mechanism == "CRAM-MD5": // RFC 2195
		i := strings.LastIndexByte(message, ' ')
		if i < 0 {
			return m, false
		}
		return SASLMessage{User: message[:i], Proof: message[i+1:]}, true
	case mechanism == "DIGEST-MD5": // RFC 2831 section 2.1.2
		m = SASLMessage{User: unquoted(message, "username="), Identity: unquoted(message, "authzid="), Proof: unquoted(message, "response=")}
		return m, m.Proof != ""
	case strings.HasPrefix(mechanism, "SCRAM-"):
		return readSCRAM(message)
	case mechanism == "XOAUTH2" || mechanism == "OAUTHBEARER":
		return readBearer(message)
	}
	return m, false
}

// readSCRAM reads the first or the last message of RFC 5802 section 7.
func readSCRAM(message string) (m SASLMessage, ok bool) {
	fields := strings.Split(message, ",")
	if i := strings.LastIndex(message, ",p="); i >= 0 && strings.HasPrefix(message, "c=") {
		return SASLMessage{Proof: message[i+len(",p="):]}, true
	}
	if len(fields) < 4 || !strings.HasPrefix(fields[2], "n=") {
		return m, false
	}
	m.Identity, m.User = saslName(strings.TrimPrefix(fields[1], "a=")), saslName(fields[2][2:])
	return m, true
}

// readBearer reads the message of XOAUTH2 or of RFC 7628 section 3.1.
func readBearer(message string) (m SASLMessage, ok bool) {
	m.Kind = "token"
	for i, field := range strings.Split(message, "\x01") {
		key, value, _ := strings.Cut(field, "=")
		switch {
		case strings.EqualFold(key, "auth"):
			_, m.Secret, ok = strings.Cut(value, " ")
		case i == 0 && key == "user":
			m.User = value
		case i == 0:
			if gs2 := strings.Split(field, ","); len(gs2) > 1 {
				m.User = saslName(strings.TrimPrefix(gs2[1], "a="))
			}
		}
	}
	return m, ok && m.Secret != ""
}

// saslName undoes RFC 5802 section 5.1.
func saslName(s string) string { return strings.NewReplacer("=2C", ",", "=3D", "=").Replace(s) }

// unquoted is the value of a directive of DIGEST-MD5, "" where there is none.
func unquoted(message, directive string) string {
	for at := 0; ; {
		i := strings.Index(message[at:], directive)
		if i < 0 {
			return ""
		}
		at += i + len(directive)
		if before := at - len(directive); before > 0 && message[before-1] != ',' && message[before-1] != ' ' {
			continue
		}
		value := message[at:]
		if !strings.HasPrefix(value, `"`) {
			value, _, _ = strings.Cut(value, ",")
			return strings.TrimSpace(value)
		}
		var b strings.Builder
		for j := 1; j < len(value) && value[j] != '"'; j++ {
			if value[j] == '\\' && j+1 < len(value) {
				j++
			}
			b.WriteByte(value[j])
		}
		return b.String()
	}
}

// OpenSASL says whether a message of a client's, in base64, holds nothing that
// must be hidden: who is named to EXTERNAL and ANONYMOUS, and the answer to the
// challenge with which OAUTHBEARER refuses (RFC 7628 section 3.2.3).
func OpenSASL(mechanism, message string) bool {
	return mechanism == "EXTERNAL" || mechanism == "ANONYMOUS" || mechanism == "OAUTHBEARER" && message == "AQ=="
}

// ProvesServer says whether the server's side of a mechanism proves that it
// knows the password.
func ProvesServer(mechanism string) bool {
	return strings.HasPrefix(mechanism, "SCRAM-") || mechanism == "DIGEST-MD5"
}

// ServerProof is that proof in a server's message, decoded, "" where it holds none.
func ServerProof(message string) string {
	if proof, ok := strings.CutPrefix(message, "v="); ok {
		proof, _, _ = strings.Cut(proof, ",")
		return proof
	}
	return unquoted(strings.ToLower(message), "rspauth=") // names are in any case, and so is hexadecimal
}

// ProofSpans finds the proofs in what a server said, and the forms in which
// each must be hidden elsewhere.
func ProofSpans(said []byte) (spans []Span, forms []string) {
	at := 0
	for word := range bytes.FieldsSeq(said) {
		at += bytes.Index(said[at:], word)
		decoded, err := base64.StdEncoding.DecodeString(string(word))
		if proof := ServerProof(string(decoded)); err == nil && proof != "" {
			forms = append(forms, ProofForms(proof)...)
			spans = append(spans, Span{Start: at, End: at + len(word), Mask: "secret:proof"})
		}
		at += len(word)
	}
	return spans, forms
}

// ProofForms are what must be looked for so that a proof is found however it is
// repeated: its digits, and the bytes that they stand for, which are found in
// any encoding.
func ProofForms(proof string) []string {
	forms := []string{strings.TrimRight(proof, "=")}
	if raw, err := hex.DecodeString(proof); err == nil {
		return append(forms, string(raw))
	}
	if raw, err := base64.StdEncoding.DecodeString(proof); err == nil {
		forms = append(forms, string(raw))
	}
	return forms
}
