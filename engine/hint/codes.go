package hint

import (
	"fmt"
	"strconv"
	"strings"
)

// Part is a part of a code, and what it says.
type Part struct {
	Part    string `json:"part"`    // "5xx", "x.7.x"
	Meaning string `json:"meaning"` // lower case, without a full stop
}

// first and second are what the digits of a code say (RFC 5321 4.2.1).
var first = map[int]string{
	2: "done: the command was carried out",
	3: "go on: the server waits for what belongs to the command",
	4: "not now: the same may work later, so a sender tries again",
	5: "no: the same will fail again, so a sender gives up and sends a bounce",
}

var second = map[int]string{
	0: "about the syntax: a command that is malformed, unknown or has no place here",
	1: "information, as for a person",
	2: "about the connection itself",
	3: "not used by SMTP itself: what AUTH says (RFC 4954)",
	5: "about the mail system: mailbox, policy, storage",
}

// codes are the replies of RFC 5321 4.2.3 and of what was added to SMTP since.
var codes = map[int]string{
	211: "status of the server, or its help",
	214: "help",
	220: "the server is ready: a greeting, or the word to begin TLS",
	221: "the server says goodbye and closes the connection",
	235: "the login was accepted (RFC 4954)",
	250: "the command was carried out",
	251: "the user is elsewhere, and the server passes the mail on",
	252: "the server does not say whether the address exists, and will try",
	334: "the next message of the login is due (RFC 4954)",
	354: "the text of the message is due, with a dot alone on its last line",
	421: "the server closes the connection, whatever was asked",
	432: "the password must be stored anew for this mechanism (RFC 4954)",
	450: "the mailbox cannot be used now: it is busy, or policy holds it back",
	451: "a fault in the server, or in what it asks, broke the command off",
	452: "the server is short of storage, or has enough recipients for one message",
	454: "what was asked for cannot be had now: TLS (RFC 3207) or a login (RFC 4954); Postfix refuses to relay by it, too",
	455: "the parameters of MAIL or RCPT cannot be met now",
	458: "the queue of this host cannot be worked on now (ETRN, RFC 1985)",
	459: "that host may not have its queue started (ETRN, RFC 1985)",
	500: "the command is not known, or its line is too long",
	501: "the arguments of the command are malformed",
	502: "the command is known, and not in use here",
	503: "the command comes out of order",
	504: "a parameter of the command is not in use here",
	521: "the server takes no mail at all (RFC 7504); some say it and hang up",
	523: "encryption is needed first (RFC 5248)",
	525: "the account of that login is disabled (RFC 5248)",
	530: "something must come first: TLS, or a login",
	534: "the mechanism is too weak for this server (RFC 4954)",
	535: "the login was refused (RFC 4954)",
	538: "this mechanism needs TLS (RFC 4954)",
	550: "the mailbox cannot be used: it does not exist, or policy refuses",
	551: "the user is not here, and the server does not pass the mail on",
	552: "a limit of storage is exceeded: the message is too large, or the mailbox full",
	553: "the name of the mailbox is not allowed",
	554: "the transaction failed; instead of a greeting: no mail is taken here",
	555: "a parameter of MAIL or RCPT is not known",
	556: "the recipient's domain takes no mail (RFC 7504)",
}

// classes and subjects are the first and second part of an enhanced status code
// (RFC 3463).
var classes = map[int]string{
	2: "success",
	4: "a failure that may pass",
	5: "a failure that stays",
}

var subjects = map[int]string{
	0: "nothing more is said",
	1: "about an address",
	2: "about the mailbox",
	3: "about the mail system that took it",
	4: "about the network or the way through it",
	5: "about the commands of SMTP",
	6: "about the content of the message",
	7: "about security or policy",
}

// details are what subject and detail say together (the registry that RFC 5248
// began, at IANA).
var details = map[string]string{
	"0.0": "nothing more is said",

	"1.0":  "an address, nothing more is said",
	"1.1":  "the recipient's mailbox does not exist",
	"1.2":  "the recipient's domain does not exist, or takes no mail",
	"1.3":  "the recipient's address is malformed",
	"1.4":  "the recipient's address fits more than one mailbox",
	"1.5":  "the recipient's address is good",
	"1.6":  "the mailbox has moved, nobody says where to",
	"1.7":  "the sender's address is malformed",
	"1.8":  "the sender's domain does not exist, or takes no mail",
	"1.9":  "passed on to a server that tells nobody what becomes of it",
	"1.10": "the recipient's domain has a null MX: it takes no mail (RFC 7505)",

	"2.0": "the mailbox, nothing more is said; with 4, greylisting says it",
	"2.1": "the mailbox is disabled, and takes nothing",
	"2.2": "the mailbox is full",
	"2.3": "the message is larger than this mailbox may get",
	"2.4": "the mailing list could not be expanded",

	"3.0": "the mail system, nothing more is said",
	"3.1": "the mail system is out of storage",
	"3.2": "the mail system takes no messages now",
	"3.3": "the mail system cannot do what the message needs",
	"3.4": "the message is larger than the mail system takes",
	"3.5": "the mail system is set up wrongly",
	"3.6": "the priority that was asked for was changed",

	"4.0": "the network, nothing more is said",
	"4.1": "the other host does not answer",
	"4.2": "the connection broke off, or timed out",
	"4.3": "the directory, as DNS, does not answer",
	"4.4": "no way to the next host is known",
	"4.5": "the mail system has too much to do",
	"4.6": "the mail goes in a circle",
	"4.7": "the message is too old: nobody could deliver it in time",

	"5.0": "the commands, nothing more is said",
	"5.1": "the command is not known, out of order, or not in use",
	"5.2": "the syntax is wrong, or the line too long",
	"5.3": "too many recipients for one message",
	"5.4": "the arguments of the command are not valid",
	"5.5": "the versions of the protocol do not fit",
	"5.6": "a message of the login is too long",

	"6.0":  "the content, nothing more is said",
	"6.1":  "this kind of content is not taken",
	"6.2":  "the content would have to be converted, which is forbidden",
	"6.3":  "the content would have to be converted, which cannot be done",
	"6.4":  "the content was converted, and lost something",
	"6.5":  "the content could not be converted",
	"6.6":  "the content of the message cannot be had",
	"6.7":  "an address beyond ASCII is not taken here (SMTPUTF8)",
	"6.8":  "the reply would need UTF-8, which was not allowed (SMTPUTF8)",
	"6.9":  "a header beyond ASCII cannot be passed on (SMTPUTF8)",
	"6.10": "the same as 6.8, by mistake; not to be used",

	"7.0":  "security or policy, nothing more is said",
	"7.1":  "the sender may not do this: delivery is refused by policy",
	"7.2":  "the sender may not write to this mailing list",
	"7.3":  "what secures the message would have to be converted, which cannot be done",
	"7.4":  "a security feature, as a login mechanism, is not known",
	"7.5":  "a cryptographic step failed",
	"7.6":  "a cryptographic algorithm is not known",
	"7.7":  "the message was altered, or its checksum is wrong",
	"7.8":  "user or password is wrong",
	"7.9":  "the login mechanism is too weak",
	"7.10": "encryption is needed first",
	"7.11": "this login mechanism needs encryption",
	"7.12": "the password must be stored anew for this mechanism",
	"7.13": "the account is disabled",
	"7.14": "the servers do not trust each other, as they must for this",
	"7.15": "the priority is too low to be served now",
	"7.16": "the message is too large for its priority",
	"7.17": "the mailbox has another owner since (RFC 7293)",
	"7.18": "the domain has another owner since (RFC 7293)",
	"7.19": "whether the owner is still the same cannot be found out (RFC 7293)",
	"7.20": "no DKIM signature passes (RFC 7372)",
	"7.21": "no DKIM signature is one that the server accepts (RFC 7372)",
	"7.22": "no DKIM signature passes that is the author's (RFC 7372)",
	"7.23": "SPF fails: the client may not send for this domain (RFC 7372)",
	"7.24": "SPF could not be checked (RFC 7372)",
	"7.25": "the client's address has no name in DNS, or one that does not lead back (RFC 7372)",
	"7.26": "several checks of the sender failed: SPF, DKIM or DMARC (RFC 7372)",
	"7.27": "the sender's domain has a null MX: it takes no mail (RFC 7505)",
	"7.28": "the mail looks like part of a flood",
	"7.29": "the ARC chain does not hold (RFC 8617)",
	"7.30": "the message must travel under TLS all the way, which cannot be had (RFC 8689)",
}

// codeParts is what the digits of a code say.
func codeParts(code int) []Part {
	parts := []Part{{fmt.Sprintf("%dxx", code/100), first[code/100]}}
	if s := second[code/10%10]; s != "" {
		parts = append(parts, Part{fmt.Sprintf("x%dx", code/10%10), s})
	}
	if s := codes[code]; s != "" {
		parts = append(parts, Part{strconv.Itoa(code), s})
	}
	return parts
}

// enhancedParts is what class, subject and detail say.
func enhancedParts(enhanced string) []Part {
	class, rest, _ := strings.Cut(enhanced, ".")
	subject, _, _ := strings.Cut(rest, ".")
	c, _ := strconv.Atoi(class)
	n, err := strconv.Atoi(subject)
	parts := []Part{{class + ".x.x", classes[c]}}
	if s := subjects[n]; err == nil && s != "" {
		parts = append(parts, Part{"x." + subject + ".x", s})
	}
	if s := details[rest]; s != "" {
		parts = append(parts, Part{"x." + rest, s})
	} else {
		parts = append(parts, Part{"x." + rest, "not in the registry: the server's own"})
	}
	return parts
}
