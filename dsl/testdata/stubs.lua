---@meta smtplay
-- The language of smtplay for editors. Made from its registry: what smtplay docs says, and no script.

---@alias smtplay.duration number|string # seconds, or "1m30s"
---@alias smtplay.pattern integer|string|smtplay.pattern.options # 554, "55x", "5.7.1 denied", { 250, 251 }
---@alias smtplay.demand string|number|boolean|table # a text, { text = … }, { match = … }, a list of them, true or false
---@alias smtplay.answer string|boolean|table|function # "451 4.7.1 come back", false, { reply = …, delay = … }

---@class smtplay.pattern.options
---@field [integer] smtplay.pattern # any of these
---@field text? string # the text of the reply contains it
---@field match? string # a regular expression (RE2); its groups land in captures
---@field enhanced? string # the enhanced status code
---@field challenge? string # what a 334 says, decoded
---@field within? smtplay.duration # how long the reply may take
---@field because? string # shown on failure

---@class smtplay.reply
---@field code integer
---@field enhanced? string # the enhanced status code
---@field text string # its lines, without codes
---@field lines string[]
---@field raw string
---@field command? string # what it answers
---@field seconds number # from the last byte sent to the last byte read
---@field captures table<integer|string, string> # the groups of match
---@field challenge? string # what a 334 says, decoded
---@field queue_id? string # under which name the server queued the message

---A connection to a server: what connect returns.
---@class smtplay.conversation
local conversation = {}

---Sends one line and CRLF; its reply is owed. After a 354 it sends message text, any number of lines, until the lone dot.
---
---    send "rcpt to:<x@example.com>"; expect 554
---@param line string
function conversation:send(line) end

---Reads the next reply, all its lines; it must match the pattern, or the test fails here. Returns the reply. expect(250, { within = "5s" }) is expect{ 250, within = "5s" }.
---
---    expect "554 5.7.1 relay access denied"
---@param pattern smtplay.pattern
---@param ... any
---@return smtplay.reply
function conversation:expect(pattern, ...) end

---Reads and returns the next well-formed reply, unjudged.
---@return smtplay.reply
function conversation:reply() end

---@class smtplay.expect_close.options
---@field timeout? smtplay.duration # how long the reply may take

---The server ends the connection, with no byte before that. A reset counts.
---@param options? smtplay.expect_close.options
function conversation:expect_close(options) end

---No byte comes for that long, nor the end of the connection.
---
---    expect_silence "2s"
---@param duration smtplay.duration
function conversation:expect_silence(duration) end

---Sends several commands in one segment (RFC 2920). As many expects follow, in order. After a 354 the first is the text of the message, up to and with its lone dot.
---
---    pipeline{ "mail from:<a@example.org>", "rcpt to:<b@example.com>", "data" }
---@param lines string|string[]
function conversation:pipeline(lines) end

---Writes bytes as they are. They owe no reply, and until the next expect bytes that nothing asked for are no fault.
---
---    raw "noop\r\n"
---@param bytes string
function conversation:raw(bytes) end

---Closes the connection without QUIT. No reply may be owed, and it must be open.
function conversation:close() end

---What the last EHLO was told: a table from keyword to the list of its parameters. Fails before an EHLO of this connection, TLS state and XCLIENT identity.
---@return table<string, string[]>
function conversation:capabilities() end

---The last EHLO offered the keyword, with that parameter where one is given. "AUTH PLAIN" is the same as "AUTH", "PLAIN".
---
---    expect_capability("AUTH", "PLAIN")
---@param keyword string|number
---@param parameter? string|number
function conversation:expect_capability(keyword, parameter) end

---The last EHLO did not offer the keyword, or not with that parameter.
---
---    expect_no_capability "AUTH"
---@param keyword string|number
---@param parameter? string|number
function conversation:expect_no_capability(keyword, parameter) end

---@class smtplay.helo.options
---@field [1]? string # name
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take

---HELO with the client name; reads 250.
---@param name? string # the client name; default --helo, else our address in brackets
---@param options? smtplay.helo.options
---@return smtplay.reply
---@overload fun(self: smtplay.conversation, options: smtplay.helo.options): smtplay.reply
function conversation:helo(name, options) end

---@class smtplay.ehlo.options
---@field [1]? string # name
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take

---EHLO with the client name; reads 250 and keeps the capabilities.
---@param name? string # the client name; default --helo, else our address in brackets
---@param options? smtplay.ehlo.options
---@return smtplay.reply
---@overload fun(self: smtplay.conversation, options: smtplay.ehlo.options): smtplay.reply
function conversation:ehlo(name, options) end

---@class smtplay.lhlo.options
---@field [1]? string # name
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take

---LHLO, the EHLO of LMTP (RFC 2033); reads 250.
---@param name? string # the client name; default --helo, else our address in brackets
---@param options? smtplay.lhlo.options
---@return smtplay.reply
---@overload fun(self: smtplay.conversation, options: smtplay.lhlo.options): smtplay.reply
function conversation:lhlo(name, options) end

---@class smtplay.mail.options
---@field [1]? string # address
---@field size? number # SIZE, in bytes (RFC 1870)
---@field body? string|number # BODY: 7BIT, 8BITMIME (RFC 6152) or BINARYMIME (RFC 3030)
---@field ret? string|number # RET: FULL or HDRS (RFC 3461 4.3)
---@field envid? string|number # ENVID, written as xtext: ASCII, 100 characters at most (RFC 3461 4.4)
---@field smtputf8? boolean # SMTPUTF8 (RFC 6531)
---@field auth? string|number # AUTH, written as xtext; "" is <> (RFC 4954 5)
---@field requiretls? boolean # REQUIRETLS (RFC 8689)
---@field by? string|number # BY: seconds, and R to return or N to notify, T behind it to trace, as in "120;R" (DELIVERBY, RFC 2852)
---@field holdfor? smtplay.duration # HOLDFOR: keep it so long (FUTURERELEASE, RFC 4865)
---@field holduntil? string|number # HOLDUNTIL, as in "2026-12-24T18:00:00Z" (FUTURERELEASE, RFC 4865)
---@field mt_priority? number # MT-PRIORITY, -9 to 9 (RFC 6710)
---@field prdr? boolean # PRDR: after the final dot 353, a reply for each recipient, and one for the message (draft-hall-prdr; Exim)
---@field params? string|number # more parameters, as they stand
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take

---MAIL FROM; reads 2xx.
---@param address string # goes out between < and >, unless it stands there already; "" is <>. Outside ASCII it goes out in UTF-8, with smtputf8 or without
---@param options? smtplay.mail.options
---@return smtplay.reply
---@overload fun(self: smtplay.conversation, options: smtplay.mail.options): smtplay.reply
function conversation:mail(address, options) end

---@class smtplay.rcpt.options
---@field [1]? string # address
---@field notify? string|string[] # NOTIFY: NEVER, or some of SUCCESS, FAILURE, DELAY (RFC 3461 4.1)
---@field orcpt? string|number # ORCPT, written as xtext; rfc822 unless a type stands before it, as in "utf-8;jürgen@example.com" (RFC 3461 4.2, RFC 6533 3)
---@field rrvs? string|number # RRVS: who has had the mailbox since then, C or R behind it, as in "2026-01-01T00:00:00Z;C" (RFC 7293)
---@field params? string|number # more parameters, as they stand
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take

---RCPT TO; reads 2xx.
---@param address string # goes out between < and >, unless it stands there already; "" is <>. Outside ASCII it goes out in UTF-8, with smtputf8 or without
---@param options? smtplay.rcpt.options
---@return smtplay.reply
---@overload fun(self: smtplay.conversation, options: smtplay.rcpt.options): smtplay.reply
function conversation:rcpt(address, options) end

---@class smtplay.rset.options
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take

---RSET; reads 2xx.
---@param options? smtplay.rset.options
---@return smtplay.reply
function conversation:rset(options) end

---@class smtplay.noop.options
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take

---NOOP; reads 2xx.
---@param options? smtplay.noop.options
---@return smtplay.reply
function conversation:noop(options) end

---@class smtplay.vrfy.options
---@field [1]? string # address
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take

---VRFY; reads 2xx.
---@param address string
---@param options? smtplay.vrfy.options
---@return smtplay.reply
---@overload fun(self: smtplay.conversation, options: smtplay.vrfy.options): smtplay.reply
function conversation:vrfy(address, options) end

---@class smtplay.quit.options
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take

---QUIT; reads 221, then closes the connection.
---@param options? smtplay.quit.options
---@return smtplay.reply
function conversation:quit(options) end

---@class smtplay.data.options
---@field [1]? string # message
---@field stuff? boolean # false: dots at the beginning of a line are not doubled, and the server takes them away
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take

---DATA, which must get 354; then the message with CRLF line ends, dots doubled, and the final dot; reads 2xx. expect and timeout are for the reply to the message; after LHLO, and after mail{ prdr = true }, expect may be a table from recipient to pattern, in which a recipient that it does not name gets 2xx, and after PRDR "." is the message.
---
---    data(message{ from = "a@example.org", to = "b@example.com" })
---@param message string # a string: what message makes, a file, or the text itself
---@param options? smtplay.data.options
---@return any
---@overload fun(self: smtplay.conversation, options: smtplay.data.options): any
function conversation:data(message, options) end

---@class smtplay.bdat.options
---@field [1]? string # chunk
---@field [2]? boolean # last
---@field split? number # send a whole message in chunks of so many bytes; the last of them ends it, and gets expect
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take

---BDAT and a chunk of a message, its bytes as they are (RFC 3030); reads 2xx. The last chunk gets the reply to the message, after LHLO one for each recipient. Where CHUNKING is not offered it fails, and nothing is sent.
---
---    bdat("Subject: one\r\n"); bdat("\r\ntwo\r\n", true)
---@param chunk string # bytes; of a message they have CRLF line ends, as those of message have
---@param last? boolean # true: the message ends with this chunk
---@param options? smtplay.bdat.options
---@return any
---@overload fun(self: smtplay.conversation, options: smtplay.bdat.options): any
function conversation:bdat(chunk, last, options) end

---@class smtplay.expect_refusal.options
---@field from? string|number # the sender
---@field to? string|number # the recipient
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take

---MAIL, RCPT, then RSET: the first of MAIL and RCPT that is not 2xx must match, by default any 4xx or 5xx; none refused fails. Servers differ in where they refuse a sender.
---@param options? smtplay.expect_refusal.options
---@return any
function conversation:expect_refusal(options) end

---@class smtplay.xclient.options
---@field name? string|number # NAME; [TEMPUNAVAIL] is one that cannot be found now, and REVERSE_NAME is the same unless given
---@field addr? string|number # ADDR, the client's IP address
---@field port? string|number # PORT, the client's
---@field proto? string|number # PROTO, SMTP or ESMTP
---@field helo? string|number # HELO, until there is a new EHLO
---@field login? string|number # LOGIN, as whom the client is logged in, where the server offers AUTH
---@field destaddr? string|number # DESTADDR, the server's IP address
---@field destport? string|number # DESTPORT, the server's port
---@field reverse_name? string|number # REVERSE_NAME, the name that the address leads to, confirmed or not
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take

---XCLIENT: be another client, to a server that allows it. Forgets the capabilities; reads 220, a greeting, and ehlo comes next. NAME is [UNAVAILABLE] unless given. What is not offered fails, and nothing is sent.
---@param options? smtplay.xclient.options
---@return any
function conversation:xclient(options) end

---@class smtplay.starttls.options
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take
---@field refused? any # true: the server must refuse the handshake, by an alert; a string: by one that says so; "close": by closing without one
---@field name? string|number # SNI, and the name the certificate must hold; default --tls-name, else the host of the target
---@field ca? string # a PEM file of CAs to trust; default --ca, else the system's
---@field verify? boolean # false finishes the handshake whatever verification finds
---@field min_version? string|number # "1.0" to "1.3"
---@field max_version? string|number # "1.0" to "1.3"
---@field cert? string|number # the client's certificate, for a server that asks: a PEM file, anywhere, or PEM text; the chain above it may follow
---@field key? string|number # its key, likewise, as secret "key" with --secret key=@FILE; without it the key lies in cert too
---@field ciphers? string|string[] # the suites to offer, of TLS up to 1.2, by the registry's name or OpenSSL's; what Go's TLS does not speak is an error

---STARTTLS, and on 220 the handshake, verified. Forgets the capabilities. Options given to connect hold here too. timeout is for the reply to STARTTLS.
---
---    starttls{ name = "mail.example.com" }
---@param options? smtplay.starttls.options
---@return any
function conversation:starttls(options) end

---@class smtplay.handshake.options
---@field refused? any # true: the server must refuse the handshake, by an alert; a string: by one that says so; "close": by closing without one
---@field name? string|number # SNI, and the name the certificate must hold; default --tls-name, else the host of the target
---@field ca? string # a PEM file of CAs to trust; default --ca, else the system's
---@field verify? boolean # false finishes the handshake whatever verification finds
---@field min_version? string|number # "1.0" to "1.3"
---@field max_version? string|number # "1.0" to "1.3"
---@field cert? string|number # the client's certificate, for a server that asks: a PEM file, anywhere, or PEM text; the chain above it may follow
---@field key? string|number # its key, likewise, as secret "key" with --secret key=@FILE; without it the key lies in cert too
---@field ciphers? string|string[] # the suites to offer, of TLS up to 1.2, by the registry's name or OpenSSL's; what Go's TLS does not speak is an error

---TLS from here on, with no command: after a STARTTLS sent by hand.
---@param options? smtplay.handshake.options
---@return any
function conversation:handshake(options) end

---@class smtplay.auth.options
---@field [1]? string # mechanism
---@field [2]? string|number # user
---@field [3]? string|number # password
---@field user? string|number # whom to log in as; for ANONYMOUS what to leave as a trace
---@field password? string|number # never shown
---@field token? string|number # of OAUTHBEARER and XOAUTH2, in the place of a password; never shown
---@field identity? string|number # the authorisation identity, where it is another
---@field realm? string|number # of DIGEST-MD5, where it is not the first that the server has
---@field initial? boolean # with or without the initial response: true makes LOGIN send the user at once, false makes the others wait for a 334, as they do by themselves where the command would be longer than 512 bytes
---@field cancel? boolean # answer the first 334 with *, and expect 501; no user and no password are needed
---@field insecure? boolean # the password may go over an unverified or clear connection
---@field expect? smtplay.pattern # the reply that must come instead
---@field timeout? smtplay.duration # how long the reply may take

---AUTH and its exchange; reads 235, or what expect says of the last reply. Without a mechanism the strongest is taken that is offered and that smtplay has, and the transcript says why. Not offered: fails, and nothing is sent. A success that comes before the mechanism believes it fails.
---
---    auth{ user = var "user", password = secret "password" }
---@param mechanism? string
---@param user? string|number
---@param password? string|number
---@param options? smtplay.auth.options
---@return any
---@overload fun(self: smtplay.conversation, options: smtplay.auth.options): any
function conversation:auth(mechanism, user, password, options) end

---What the handshake agreed on: version, cipher, alpn, name, resumed; client_asked (for a certificate of the client), client_issuers (whose), client_sent. nil in clear.
---@return any
function conversation:tls() end

---The server's certificate. It has subject, cn, issuer, names, not_before, not_after (seconds since 1970), days_left, lifetime (in days), self_signed, trusted, verify_error, serial, sha256, spki (of its public key), key {type, bits}, signature_algorithm, chain, missing (the issuer that should have been sent), ocsp (good, revoked, unknown, invalid or none), must_staple. nil in clear.
---@return any
function conversation:certificate() end

---@class smtplay.expect_certificate.options
---@field name? string|string[] # the certificate is for this name; of a list, for each
---@field issuer? string|number # the issuer's common name, or its whole distinguished name
---@field self_signed? boolean # it is, or is not, signed by itself
---@field trusted? boolean # chain, dates and signatures lead to a trusted CA; the name is judged by name
---@field chain? boolean # the server sent every intermediate CA, whether or not this machine knows it by itself
---@field min_days_left? number # whole days until the certificate's expiry
---@field max_lifetime? number # days from its first to its last
---@field key_type? string|string[] # RSA, ECDSA or Ed25519; of a list, one
---@field min_key_bits? number # RSA strength; P-256 counts as 3072
---@field signature_algorithm? string|string[] # what signed it, as SHA256-RSA, ecdsa-with-SHA256 or SHA-256; of a list, one
---@field sha256? string|string[] # its fingerprint, in hexadecimal or base64; of a list, one
---@field spki? string|string[] # the SHA-256 of its public key, which a renewal may keep, in hexadecimal or base64; of a list, one
---@field ocsp? string # what the server staples: "good", "revoked", "unknown" or "none"; a response that is too old, or not of the issuer's, is none of them
---@field must_staple? boolean # it demands OCSP stapling, and the server does staple what can be believed
---@field tlsa? string|table # a TLSA record (DANE), as "3 1 1 …", that fits what is served; of a list, one; { resolver = "127.0.0.1:53", name = …, port = … } asks for those of that name and port (default those of this connection), and they must be authenticated
---@field file? string # it is among those in this PEM file, and the CAs above it that are there are sent too: the server was reloaded

---Judges the server's certificate by every key given, and reports all that fall short at once.
---
---    expect_certificate{ name = "mail.example.com", trusted = true, min_days_left = 14 }
---@param options? smtplay.expect_certificate.options
---@return any
function conversation:expect_certificate(options) end

---What listen returns: a server of the script's own.
---@class smtplay.listener
---@field address string # where it listens, as connect takes it
---@field host string # the host of that; nil of a socket
---@field port string # the port of that; nil of a socket
---@field name string # the name that it gives itself
local listener = {}

---@class smtplay.listener.take.options
---@field capabilities? string|string[] # what EHLO lists, in the place of what it can do
---@field users? any # who may log in, by AUTH: { james = secret "password" }; over TLS alone, unless auth_in_clear
---@field mechanisms? string|string[] # those of AUTH (default PLAIN and LOGIN)
---@field auth_in_clear? boolean # offer AUTH without TLS, too
---@field timeout? smtplay.duration # how long a session may take (default 2m)
---@field within? smtplay.duration # how long to wait (default 30s)
---@field greeting? smtplay.answer # to the connect
---@field helo? smtplay.answer # to HELO
---@field ehlo? smtplay.answer # to EHLO; several lines are one string with \n, or { reply = { "250-one", "250 two" } }
---@field lhlo? smtplay.answer # to LHLO
---@field starttls? smtplay.answer # to STARTTLS; after a 220 the handshake follows
---@field auth? smtplay.answer # to AUTH
---@field response? smtplay.answer # to a line that answers a 334 of AUTH
---@field mail? smtplay.answer # to MAIL; { ["a@example.org"] = "550 …" } for that sender
---@field rcpt? smtplay.answer # to RCPT; { ["b@example.com"] = "550 …" } for that recipient
---@field data? smtplay.answer # to DATA
---@field bdat? smtplay.answer # to BDAT
---@field message? smtplay.answer # after the final dot; in LMTP for each recipient
---@field rset? smtplay.answer # to RSET
---@field noop? smtplay.answer # to NOOP
---@field vrfy? smtplay.answer # to VRFY
---@field quit? smtplay.answer # to QUIT

---Plays one whole session, as a correct server that accepts everything but for what it is told to answer, and returns what came. Waits for a client to connect.
---
---    local got = mx:take{ rcpt = "451 4.7.1 come back", within = "30s" }
---@param options? smtplay.listener.take.options
---@return smtplay.visit
function listener:take(options) end

---@class smtplay.listener.accept.options
---@field within? smtplay.duration # how long to wait (default 30s)
---@field timeout? smtplay.duration # how long each command may take (default 30s)

---Waits for a client to connect, and lets the script play the server by hand: nothing is said by itself.
---
---    local s = mx:accept(); s:reply "220 mx.example.net"
---@param options? smtplay.listener.accept.options
---@return smtplay.session
function listener:accept(options) end

---@class smtplay.listener.serve.options
---@field [1]? function # handler
---@field capabilities? string|string[] # what EHLO lists, in the place of what it can do
---@field users? any # who may log in, by AUTH: { james = secret "password" }; over TLS alone, unless auth_in_clear
---@field mechanisms? string|string[] # those of AUTH (default PLAIN and LOGIN)
---@field auth_in_clear? boolean # offer AUTH without TLS, too
---@field timeout? smtplay.duration # how long a session may take (default 2m)
---@field greeting? smtplay.answer # to the connect
---@field helo? smtplay.answer # to HELO
---@field ehlo? smtplay.answer # to EHLO; several lines are one string with \n, or { reply = { "250-one", "250 two" } }
---@field lhlo? smtplay.answer # to LHLO
---@field starttls? smtplay.answer # to STARTTLS; after a 220 the handshake follows
---@field auth? smtplay.answer # to AUTH
---@field response? smtplay.answer # to a line that answers a 334 of AUTH
---@field mail? smtplay.answer # to MAIL; { ["a@example.org"] = "550 …" } for that sender
---@field rcpt? smtplay.answer # to RCPT; { ["b@example.com"] = "550 …" } for that recipient
---@field data? smtplay.answer # to DATA
---@field bdat? smtplay.answer # to BDAT
---@field message? smtplay.answer # after the final dot; in LMTP for each recipient
---@field rset? smtplay.answer # to RSET
---@field noop? smtplay.answer # to NOOP
---@field vrfy? smtplay.answer # to VRFY
---@field quit? smtplay.answer # to QUIT

---Plays every session from now on as take does, at once and in the background, until the test ends. With a function, that plays each by hand. What functions of several sessions share is safe: one of them runs at a time. The test does not wait for them: what such a function would find wrong after the test has ended is not judged.
---
---    mx:serve{ rcpt = function(address, visit) … end }
---@param handler? function
---@param options? smtplay.listener.serve.options
---@return any
---@overload fun(self: smtplay.listener, options: smtplay.listener.serve.options): any
function listener:serve(handler, options) end

---@class smtplay.listener.expect.options
---@field from? smtplay.demand # the sender of the envelope; "" is <>
---@field to? smtplay.demand # a recipient of the envelope
---@field subject? smtplay.demand # the Subject, decoded
---@field token? string|number # a text that stands anywhere in it, in the header or in the body
---@field header? table<string, smtplay.demand> # fields of the header: { Subject = "x", ["X-Spam"] = false }; unfolded and decoded
---@field report? table<string, smtplay.demand> # fields of a delivery report (RFC 3464): { Action = "failed", Status = "5.x.x" }; those of a recipient must all be of one
---@field body? smtplay.demand # the text of its body, decoded
---@field dkim? string|table # a domain whose DKIM signature must hold (RFC 6376): "example.com", or { "example.com", key = "MII…" } where its key is not to be looked up
---@field within? smtplay.duration # how long to wait (default 30s)

---Awaits a message, among those that serve took whole, that is as demanded, and returns it.
---
---    mx:expect{ subject = id, within = "10s" }
---@param options? smtplay.listener.expect.options
---@return smtplay.message
function listener:expect(options) end

---Stops listening, and ends all sessions; the end of the test does so too.
---@return any
function listener:close() end

---What came in one session of a listener: what take returns. from, to and the like are of its first transaction.
---@class smtplay.visit
---@field from string # the sender; "" is <>, nil where no MAIL was accepted
---@field to any[] # the recipients that were accepted
---@field rejected table # from the recipients that were not, to the replies
---@field parameters table # those of MAIL, by their names in capitals
---@field recipient_parameters table # those of each RCPT, by the recipient
---@field message any # what came after DATA; nil where none came whole
---@field messages any[] # the messages of all its transactions that came whole
---@field transactions number # how many there were, whole or not
---@field peer string # the client's address
---@field helo string # the name that it gave
---@field user string # who logged in
---@field tls table # version, cipher and name (what it asked for) of the encryption; nil in clear
---@field handshake string # why TLS came to nothing, nil where it did not
---@field replies any[] # all that it was answered
---@field ended string # quit, client (it went away without), server, handshake; nil while it goes on
local visit = {}

---@class smtplay.visit.expect.options
---@field from? smtplay.demand # the sender of the envelope; "" is <>
---@field to? smtplay.demand # a recipient of the envelope
---@field subject? smtplay.demand # the Subject, decoded
---@field token? string|number # a text that stands anywhere in it, in the header or in the body
---@field header? table<string, smtplay.demand> # fields of the header: { Subject = "x", ["X-Spam"] = false }; unfolded and decoded
---@field report? table<string, smtplay.demand> # fields of a delivery report (RFC 3464): { Action = "failed", Status = "5.x.x" }; those of a recipient must all be of one
---@field body? smtplay.demand # the text of its body, decoded
---@field dkim? string|table # a domain whose DKIM signature must hold (RFC 6376): "example.com", or { "example.com", key = "MII…" } where its key is not to be looked up
---@field tls? any # true or false: encrypted; "1.3": by that version
---@field helo? smtplay.demand # the name that the client gave
---@field user? smtplay.demand # who had logged in
---@field rejected? table<string, smtplay.demand> # recipients that were refused, with the reply: { ["b@example.com"] = { text = "451" } }
---@field handshake? smtplay.demand # why TLS came to nothing: the client's alert, as in { text = "certificate" }; false: it did not
---@field ended? smtplay.demand # how the session ended: quit, client (went away without), server, handshake

---Fails unless the session was as demanded; all that differs is shown. What is asked of the message is asked of its only transaction.
---
---    got:expect{ from = "a@example.org", to = "b@example.com", tls = true, header = { Subject = "x" } }
---@param options? smtplay.visit.expect.options
---@return any
function visit:expect(options) end

---All values of the message's fields of that name, unfolded and decoded.
---@param name string|number
---@return string[]
function visit:header(name) end

---A session that the script plays by hand: what accept returns, and what serve gives to its function.
---@class smtplay.session
---@field peer string # the client's address
---@field tls table # version, cipher and name (what the client asked for) of the encryption; nil in clear
local session = {}

---Says a reply, all its lines in one segment. What is to be malformed is raw.
---
---    s:reply{ "250-mx.example.net", "250 STARTTLS" }
---@param lines string|string[]
---@return any
function session:reply(lines) end

---@class smtplay.session.expect_command.options
---@field [1]? string|table # command
---@field match? string|number # what the command matches (RE2)
---@field within? smtplay.duration # how long to wait (default 30s)

---Reads the next command, which must begin with these words, ignoring case, and returns it.
---
---    s:expect_command "mail from:<a@example.org>"
---@param command string|table # "ehlo"; { match = [[^MAIL FROM:<.*> SIZE=]] }, a regular expression (RE2); a list of them
---@param options? smtplay.session.expect_command.options
---@param ... any
---@return string
---@overload fun(self: smtplay.session, options: smtplay.session.expect_command.options): string
function session:expect_command(command, options, ...) end

---@class smtplay.session.command.options
---@field within? smtplay.duration # how long to wait (default 30s)

---Reads and returns the next command, unjudged.
---@param options? smtplay.session.command.options
---@return string
function session:command(options) end

---@class smtplay.session.message.options
---@field within? smtplay.duration # how long to wait (default 30s)

---Reads message text up to its lone dot (after a 354), and returns it as a message. It says nothing: a reply is owed.
---@param options? smtplay.session.message.options
---@return smtplay.message
function session:message(options) end

---@class smtplay.session.read.options
---@field [1]? number # octets
---@field within? smtplay.duration # how long to wait (default 30s)

---Reads just so many octets, as BDAT announces them.
---@param octets number
---@param options? smtplay.session.read.options
---@return string
---@overload fun(self: smtplay.session, options: smtplay.session.read.options): string
function session:read(octets, options) end

---@class smtplay.session.starttls.options
---@field refused? any # true, or a text that the client's alert contains: "certificate"
---@field within? smtplay.duration # how long to wait (default 30s)

---Does the handshake, as the server. It says nothing before: s:reply "220 Ready" does. With refused the client must refuse the certificate, and why must contain that.
---@param options? smtplay.session.starttls.options
---@return any
function session:starttls(options) end

---Says these very bytes.
---@param bytes string
---@return any
function session:raw(bytes) end

---@class smtplay.session.expect_close.options
---@field within? smtplay.duration # how long to wait (default 30s)

---The client ends the connection, with no byte before that.
---@param options? smtplay.session.expect_close.options
---@return any
function session:expect_close(options) end

---Ends the session in an orderly way.
---@return any
function session:close() end

---Ends it by a TCP reset.
---@return any
function session:reset() end

---Ends it without TLS's farewell.
---@return any
function session:drop() end

---What start began, for wait.
---@class smtplay.half
---@field name string # as start was told
---@field ended boolean # it has ended
local half = {}

---Where messages arrive: what maildir, mbox and imap return. Only messages that arrived since the test began count.
---@class smtplay.mailbox
local mailbox = {}

---@class smtplay.mailbox.expect.options
---@field from? smtplay.demand # the sender of the envelope; "" is <>
---@field to? smtplay.demand # a recipient of the envelope
---@field subject? smtplay.demand # the Subject, decoded
---@field token? string|number # a text that stands anywhere in it, in the header or in the body
---@field header? table<string, smtplay.demand> # fields of the header: { Subject = "x", ["X-Spam"] = false }; unfolded and decoded
---@field report? table<string, smtplay.demand> # fields of a delivery report (RFC 3464): { Action = "failed", Status = "5.x.x" }; those of a recipient must all be of one
---@field body? smtplay.demand # the text of its body, decoded
---@field dkim? string|table # a domain whose DKIM signature must hold (RFC 6376): "example.com", or { "example.com", key = "MII…" } where its key is not to be looked up
---@field within? smtplay.duration # how long to wait (default 30s)

---Awaits a message that is as demanded, and returns it. Fails where none came in time, and shows how the nearest one differs.
---
---    maildir(path):expect{ subject = "x", header = { ["X-Spam"] = false }, within = "30s" }
---@param options? smtplay.mailbox.expect.options
---@return smtplay.message
function mailbox:expect(options) end

---Lets go of it; the end of the test does so too.
---@return any
function mailbox:close() end

---A message that arrived.
---@class smtplay.message
---@field from string # the sender of its envelope, nil where nothing tells of it
---@field to any[] # the recipients of its envelope, as far as anything tells of them
---@field subject string # decoded; nil for none
---@field body string # the text of its body, decoded
---@field raw string # all of it, as it lies there
---@field size number # its length in bytes
---@field where string # where it lies
---@field received any[] # its trace, the latest hop first; each has from, by, via, with, id, recipient, date and raw
---@field report table # the fields of a delivery report: those of the message, and recipients, a list; nil where it is none
local message = {}

---All values of the fields of that name, unfolded and decoded.
---
---    m:header("Received")[1]
---@param name string|number
---@return string[]
function message:header(name) end

---@class smtplay.message.expect.options
---@field from? smtplay.demand # the sender of the envelope; "" is <>
---@field to? smtplay.demand # a recipient of the envelope
---@field subject? smtplay.demand # the Subject, decoded
---@field token? string|number # a text that stands anywhere in it, in the header or in the body
---@field header? table<string, smtplay.demand> # fields of the header: { Subject = "x", ["X-Spam"] = false }; unfolded and decoded
---@field report? table<string, smtplay.demand> # fields of a delivery report (RFC 3464): { Action = "failed", Status = "5.x.x" }; those of a recipient must all be of one
---@field body? smtplay.demand # the text of its body, decoded
---@field dkim? string|table # a domain whose DKIM signature must hold (RFC 6376): "example.com", or { "example.com", key = "MII…" } where its key is not to be looked up

---Fails unless the message is as demanded; all that differs is shown.
---@param options? smtplay.message.expect.options
---@return any
function message:expect(options) end

---Removes the message from where it was found; in a Maildir and an mbox only with --allow remove=PATH.
---@return any
function message:remove() end

---The log of Postfix: what log returns. Only lines that were written since the test began count.
---@class smtplay.log
local log = {}

---@class smtplay.log.expect.options
---@field queue_id? string|number # of the message, as the reply's queue_id has it
---@field status? string|number # sent, deferred, bounced, …
---@field dsn? string|number # the enhanced status code, or a pattern: "4.7.x"
---@field to? string|number # the recipient, or the one that it was before aliases
---@field from? string|number # the sender; "<>" is the null sender
---@field relay? string|number # where it went: all of it, its host or its address, with the port or without
---@field service? string|number # who wrote it: "smtp", "submission/smtpd"
---@field text? string|number # what the reason contains, case ignored
---@field match? string|number # a regular expression (RE2) that all behind the service matches
---@field within? smtplay.duration # how long to wait (default 30s)

---Awaits a line that is as demanded, and returns it. Fails where none came in time, and shows how the nearest one differs.
---
---    log(path):expect{ queue_id = id, status = "deferred", dsn = "4.7.1", within = "10s" }
---@param options? smtplay.log.expect.options
---@return smtplay.entry
function log:expect(options) end

---A line of the log.
---@class smtplay.entry
---@field line string # all of it
---@field service string # who wrote it
---@field queue_id string # of the message
---@field to string # the recipient
---@field orig_to string # the recipient before aliases
---@field from string # the sender
---@field relay string # where it went
---@field dsn string # the enhanced status code
---@field status string # sent, deferred, bounced, …
---@field text string # the reason
---@field time number # when it was written, in seconds since 1970
---@field delay number # seconds since the message came; nil where the line says none
local entry = {}

---@class smtplay.connect.options
---@field [1]? string|number # target
---@field tls? boolean # TLS from the first byte
---@field helo? string|number # the client name of helo, ehlo and lhlo
---@field timeout? smtplay.duration # how long each reply may take
---@field source? string|number # the local address to connect from
---@field refused? any # true: the server must refuse the handshake, by an alert; a string: by one that says so; "close": by closing without one
---@field proxy? table # be another client, by a PROXY protocol header: { source = "203.0.113.7:4711", destination = …, version = 1 or 2 }. The destination is by default the address that was reached, the version 2, a port that is missing our own
---@field mx? string # instead of a target: connect to the MX host of this domain, the next one only where no connection can be made; "example.com:2525" has another port than 25
---@field address? string # the IP address of the target's host, one that addresses gave; the certificate is still that of the target
---@field resolver? string # the DNS server to ask, "127.0.0.1:5353"; default --resolver, else the system's
---@field name? string|number # SNI, and the name the certificate must hold; default --tls-name, else the host of the target
---@field ca? string # a PEM file of CAs to trust; default --ca, else the system's
---@field verify? boolean # false finishes the handshake whatever verification finds
---@field min_version? string|number # "1.0" to "1.3"
---@field max_version? string|number # "1.0" to "1.3"
---@field cert? string|number # the client's certificate, for a server that asks: a PEM file, anywhere, or PEM text; the chain above it may follow
---@field key? string|number # its key, likewise, as secret "key" with --secret key=@FILE; without it the key lies in cert too
---@field ciphers? string|string[] # the suites to offer, of TLS up to 1.2, by the registry's name or OpenSSL's; what Go's TLS does not speak is an error

---Opens a connection, makes it the current one and returns it. The greeting is owed: an expect or the first helper reads it.
---
---    connect "submission"
---@param target? string|number # "host:port", "unix:/path", with --allow exec "exec:command", or a name: smtp (the default), submission, submissions, lmtp, or one given with --target
---@param options? smtplay.connect.options
---@return smtplay.conversation
---@overload fun(options: smtplay.connect.options): smtplay.conversation
function connect(target, options) end

---Sends one line and CRLF; its reply is owed. After a 354 it sends message text, any number of lines, until the lone dot.
---
---    send "rcpt to:<x@example.com>"; expect 554
---@param line string
function send(line) end

---Reads the next reply, all its lines; it must match the pattern, or the test fails here. Returns the reply. expect(250, { within = "5s" }) is expect{ 250, within = "5s" }.
---
---    expect "554 5.7.1 relay access denied"
---@param pattern smtplay.pattern
---@param ... any
---@return smtplay.reply
function expect(pattern, ...) end

---Reads and returns the next well-formed reply, unjudged.
---@return smtplay.reply
function reply() end

---The server ends the connection, with no byte before that. A reset counts.
---@param options? smtplay.expect_close.options
function expect_close(options) end

---No byte comes for that long, nor the end of the connection.
---
---    expect_silence "2s"
---@param duration smtplay.duration
function expect_silence(duration) end

---Sends several commands in one segment (RFC 2920). As many expects follow, in order. After a 354 the first is the text of the message, up to and with its lone dot.
---
---    pipeline{ "mail from:<a@example.org>", "rcpt to:<b@example.com>", "data" }
---@param lines string|string[]
function pipeline(lines) end

---Writes bytes as they are. They owe no reply, and until the next expect bytes that nothing asked for are no fault.
---
---    raw "noop\r\n"
---@param bytes string
function raw(bytes) end

---Closes the connection without QUIT. No reply may be owed, and it must be open.
function close() end

---@class smtplay.addresses.options
---@field [1]? string|number # target
---@field resolver? string # the DNS server to ask, "127.0.0.1:5353"; default --resolver, else the system's

---The addresses of a target's host, as the DNS gives them: a list of "IP:port", those of IPv6 first where a resolver is named. Each is for connect(target, { address = … }). Outside of a test it gives one test for each. A run asks once; that there is none is an error.
---
---    for _, a in ipairs(addresses "smtp") do connect("smtp", { address = a }); ehlo() end
---@param target? string|number # a target, "host:port", or the name of a host, whose port is then 25
---@param options? smtplay.addresses.options
---@return string[]
---@overload fun(options: smtplay.addresses.options): string[]
function addresses(target, options) end

---What the last EHLO was told: a table from keyword to the list of its parameters. Fails before an EHLO of this connection, TLS state and XCLIENT identity.
---@return table<string, string[]>
function capabilities() end

---The last EHLO offered the keyword, with that parameter where one is given. "AUTH PLAIN" is the same as "AUTH", "PLAIN".
---
---    expect_capability("AUTH", "PLAIN")
---@param keyword string|number
---@param parameter? string|number
function expect_capability(keyword, parameter) end

---The last EHLO did not offer the keyword, or not with that parameter.
---
---    expect_no_capability "AUTH"
---@param keyword string|number
---@param parameter? string|number
function expect_no_capability(keyword, parameter) end

---HELO with the client name; reads 250.
---@param name? string # the client name; default --helo, else our address in brackets
---@param options? smtplay.helo.options
---@return smtplay.reply
---@overload fun(options: smtplay.helo.options): smtplay.reply
function helo(name, options) end

---EHLO with the client name; reads 250 and keeps the capabilities.
---@param name? string # the client name; default --helo, else our address in brackets
---@param options? smtplay.ehlo.options
---@return smtplay.reply
---@overload fun(options: smtplay.ehlo.options): smtplay.reply
function ehlo(name, options) end

---LHLO, the EHLO of LMTP (RFC 2033); reads 250.
---@param name? string # the client name; default --helo, else our address in brackets
---@param options? smtplay.lhlo.options
---@return smtplay.reply
---@overload fun(options: smtplay.lhlo.options): smtplay.reply
function lhlo(name, options) end

---MAIL FROM; reads 2xx.
---@param address string # goes out between < and >, unless it stands there already; "" is <>. Outside ASCII it goes out in UTF-8, with smtputf8 or without
---@param options? smtplay.mail.options
---@return smtplay.reply
---@overload fun(options: smtplay.mail.options): smtplay.reply
function mail(address, options) end

---RCPT TO; reads 2xx.
---@param address string # goes out between < and >, unless it stands there already; "" is <>. Outside ASCII it goes out in UTF-8, with smtputf8 or without
---@param options? smtplay.rcpt.options
---@return smtplay.reply
---@overload fun(options: smtplay.rcpt.options): smtplay.reply
function rcpt(address, options) end

---RSET; reads 2xx.
---@param options? smtplay.rset.options
---@return smtplay.reply
function rset(options) end

---NOOP; reads 2xx.
---@param options? smtplay.noop.options
---@return smtplay.reply
function noop(options) end

---VRFY; reads 2xx.
---@param address string
---@param options? smtplay.vrfy.options
---@return smtplay.reply
---@overload fun(options: smtplay.vrfy.options): smtplay.reply
function vrfy(address, options) end

---QUIT; reads 221, then closes the connection.
---@param options? smtplay.quit.options
---@return smtplay.reply
function quit(options) end

---DATA, which must get 354; then the message with CRLF line ends, dots doubled, and the final dot; reads 2xx. expect and timeout are for the reply to the message; after LHLO, and after mail{ prdr = true }, expect may be a table from recipient to pattern, in which a recipient that it does not name gets 2xx, and after PRDR "." is the message.
---
---    data(message{ from = "a@example.org", to = "b@example.com" })
---@param message string # a string: what message makes, a file, or the text itself
---@param options? smtplay.data.options
---@return any
---@overload fun(options: smtplay.data.options): any
function data(message, options) end

---BDAT and a chunk of a message, its bytes as they are (RFC 3030); reads 2xx. The last chunk gets the reply to the message, after LHLO one for each recipient. Where CHUNKING is not offered it fails, and nothing is sent.
---
---    bdat("Subject: one\r\n"); bdat("\r\ntwo\r\n", true)
---@param chunk string # bytes; of a message they have CRLF line ends, as those of message have
---@param last? boolean # true: the message ends with this chunk
---@param options? smtplay.bdat.options
---@return any
---@overload fun(options: smtplay.bdat.options): any
function bdat(chunk, last, options) end

---MAIL, RCPT, then RSET: the first of MAIL and RCPT that is not 2xx must match, by default any 4xx or 5xx; none refused fails. Servers differ in where they refuse a sender.
---@param options? smtplay.expect_refusal.options
---@return any
function expect_refusal(options) end

---XCLIENT: be another client, to a server that allows it. Forgets the capabilities; reads 220, a greeting, and ehlo comes next. NAME is [UNAVAILABLE] unless given. What is not offered fails, and nothing is sent.
---@param options? smtplay.xclient.options
---@return any
function xclient(options) end

---STARTTLS, and on 220 the handshake, verified. Forgets the capabilities. Options given to connect hold here too. timeout is for the reply to STARTTLS.
---
---    starttls{ name = "mail.example.com" }
---@param options? smtplay.starttls.options
---@return any
function starttls(options) end

---TLS from here on, with no command: after a STARTTLS sent by hand.
---@param options? smtplay.handshake.options
---@return any
function handshake(options) end

---AUTH and its exchange; reads 235, or what expect says of the last reply. Without a mechanism the strongest is taken that is offered and that smtplay has, and the transcript says why. Not offered: fails, and nothing is sent. A success that comes before the mechanism believes it fails.
---
---    auth{ user = var "user", password = secret "password" }
---@param mechanism? string
---@param user? string|number
---@param password? string|number
---@param options? smtplay.auth.options
---@return any
---@overload fun(options: smtplay.auth.options): any
function auth(mechanism, user, password, options) end

---What the handshake agreed on: version, cipher, alpn, name, resumed; client_asked (for a certificate of the client), client_issuers (whose), client_sent. nil in clear.
---@return any
function tls() end

---The server's certificate. It has subject, cn, issuer, names, not_before, not_after (seconds since 1970), days_left, lifetime (in days), self_signed, trusted, verify_error, serial, sha256, spki (of its public key), key {type, bits}, signature_algorithm, chain, missing (the issuer that should have been sent), ocsp (good, revoked, unknown, invalid or none), must_staple. nil in clear.
---@return any
function certificate() end

---Judges the server's certificate by every key given, and reports all that fall short at once.
---
---    expect_certificate{ name = "mail.example.com", trusted = true, min_days_left = 14 }
---@param options? smtplay.expect_certificate.options
---@return any
function expect_certificate(options) end

---@class smtplay.test.options
---@field [1]? string|number # name
---@field [2]? function # body
---@field tags? string|string[] # by which --tags chooses: a string with blanks between them, or a list; beside those of the file
---@field once? boolean # neither repeated by --repeat nor tried again by --retries

---Declares a test. The top level of the file runs afresh for each; each starts with no connection.
---
---    test{ "relaying is refused", tags = "smoke", function() … end }
---@param name string|number
---@param body function
---@param options? smtplay.test.options
---@overload fun(options: smtplay.test.options)
function test(name, body, options) end

---@class smtplay.matrix.options
---@field [1]? any # name
---@field [2]? function # body
---@field tags? string|string[] # by which --tags chooses: a string with blanks between them, or a list; beside those of the file
---@field once? boolean # neither repeated by --repeat nor tried again by --retries
---@field [string] any

---Declares a test for every combination of values: each name leads to a list of them, an axis. A test is named by its combination, as server=smtp mechanism=PLAIN, and gets it as a table. tags and once are those of test, and no axes. At most 10,000 tests.
---
---    matrix{ server = { "smtp", "submission" }, mechanism = { "PLAIN", "LOGIN" }, function(m) … end }
---@param name? any # stands before the combination in the names of the tests, where a file has several matrices
---@param body function
---@param options? smtplay.matrix.options
---@return any
---@overload fun(options: smtplay.matrix.options): any
function matrix(name, body, options) end

---Puts a heading into the transcript.
---@param heading string|number
function step(heading) end

---Puts prose into the transcript.
---@param prose string|number
function note(prose) end

---Ends the test as skipped, and says why.
---@param why string|number
function skip(why) end

---Ends the test as failed, and says why.
---@param why string|number
function fail(why) end

-- assert: as in Lua. Lua's assert: fails the test unless the value holds. Counts as an expectation inside a test.

---@class smtplay.requires.options
---@field capability? string|number # of the last EHLO: "STARTTLS", "AUTH PLAIN"
---@field target? string|number # a name that must lead somewhere

---Skips the test where the server or the run lacks something.
---
---    requires{ target = "local" }
---@param options? smtplay.requires.options
function requires(options) end

---Runs the function at the end of the test, whatever its outcome; the last registered first. All of them have 5 s; what they expect does not count as the test's own.
---@param body function
function after(body) end

---@class smtplay.eventually.options
---@field [1]? function # function
---@field within? smtplay.duration # how long to try; default 1m
---@field every? smtplay.duration # from try to try; default 1s

---Tries the function again until it holds. Each try starts without a connection. Gives the test as much more time, and returns what the function returns.
---
---    eventually{ within = "2m", every = "10s", function() … end }
---@param body function
---@param options? smtplay.eventually.options
---@return any
---@overload fun(options: smtplay.eventually.options): any
function eventually(body, options) end

---Runs the function and returns true and its results, or false and the failure: message, file, line, expected, got. A connection that could not be made is held too; what is wrong with the script is not, nor a skip.
---@param body function
---@return boolean, any ...
function attempt(body) end

---Waits.
---@param duration smtplay.duration
function sleep(duration) end

---Runs the function before every test of the folder and of those below it, in the test's own state: what it assigns and what it connects the test finds. That of the outermost folder runs first. What it expects does not count as the test's own. It stands in suite.lua, outside of functions.
---
---    before_each(function() user = "james" end)
---@param body function
---@return any
function before_each(body) end

---Runs the function after every test of the folder and of those below it, whatever its outcome, once the test's own after functions have run. That of the outermost folder runs last. It shares their 5 s. It stands in suite.lua, outside of functions.
---@param body function
---@return any
function after_each(body) end

---An input, from --var NAME=VALUE or SMTPLAY_VAR_NAME. Without a default it must be given.
---
---    var("sender", "james@example.org", "who writes")
---@param name string
---@param default? string|number
---@param what? string|number
---@return string
function var(name, default, what) end

---A secret input, from --secret NAME=@FILE, SMTPLAY_SECRET_NAME or a prompt. Never shown.
---
---    secret "password"
---@param name string
---@return string
function secret(name) end

---The content of a file beside the script, or below its folder.
---@param path string|number
---@return string
function file(path) end

---Loads the module NAME.lua below the script's folder, once a test.
---
---    local who = require "lib/who"
---@param name string|number
---@return any
function require(name) end

---A new token of letters, kept in the transcript as [unique].
---@return string
function unique() end

---@class smtplay.message.options
---@field from? string|number # an address, a name before it or not; default the first of to
---@field to? string|string[] # an address, or a list of them
---@field subject? string|number # any text; outside ASCII in encoded words (RFC 2047)
---@field text? string|number # the body; 7bit where it can be, else quoted-printable
---@field html? string|number # the body in HTML; with text it becomes multipart/alternative
---@field attach? any # a file beside the script, or { name = "a.pdf", type = "application/pdf", content = "…" }, with file in the place of content and an encoding or not; or a list of them
---@field headers? any # more fields: { ["X-One"] = "1" }, in order of name, or { { "X-One", "1" }, … }, in that order. One that message makes itself is replaced, by false left out
---@field date? string|number # the Date as a header has it, or seconds since 1970; default now
---@field id? string|number # the Message-ID, or what stands before its @
---@field size? number # fill the text up, so that the message has just so many bytes, as SIZE counts them: with all line ends, without the final dot and doubled dots (RFC 1870 3)
---@field encoding? string|number # of text and html: 7bit, 8bit, binary, quoted-printable or base64
---@field body? string|number # gtube: the line that every spam filter finds; eicar: the file that every virus scanner finds, attached as eicar.com

---Makes a message, for data or bdat: a header (RFC 5322), and MIME around what needs it, with CRLF line ends. A value with a line end, which would begin another header field, is an error. The Message-ID holds a token of its own, kept in the transcript as [unique].
---
---    data(message{ from = "a@example.org", to = "b@example.com", subject = "Grüße", text = "Hi" })
---@param options? smtplay.message.options
---@return string
function message(options) end

-- print: as in Lua. Puts its values into the transcript as a note.

base64 = {}

---Base64 in one line.
---
---    base64.encode("\0user\0password")
---@param bytes string|number
---@return string
function base64.encode(bytes) end

---The bytes that base64 stands for.
---@param text string|number
---@return string
function base64.decode(text) end

---@class smtplay.listen.options
---@field [1]? string|number # address
---@field tls? any # what certificate STARTTLS shows: good, expired, not-yet-valid, other-name, self-signed, unknown-authority, weak-key, sha1, no-intermediate; false offers no STARTTLS (default good)
---@field implicit? boolean # TLS from the first byte
---@field names? string|string[] # the names of the certificate (default those of this machine's loopback, and name)
---@field cert? string # a file with a certificate to show, and its chain
---@field key? string|number # the file with its key
---@field ca? string # a file with the certificate of an authority that the client trusts: it signs what tls names, so that nothing else is wrong with that
---@field ca_key? string|number # the file with its key; without it the key lies in ca too
---@field name? string|number # the name that it gives itself (default mx.example.net)
---@field lmtp? boolean # LMTP (RFC 2033)

---Listens for the server under test, or any client, to connect; on a free port of 127.0.0.1 unless told otherwise. It speaks only when take, accept or serve say so. An address that is not loopback needs --allow listen.
---
---    local mx = listen{ "127.0.0.1:0", tls = "expired" }
---@param address? string|number # "host:port" ("127.0.0.1:0" is a free port), "unix:/path", or a name: where --target NAME=ADDRESS leads
---@param options? smtplay.listen.options
---@return smtplay.listener
---@overload fun(options: smtplay.listen.options): smtplay.listener
function listen(address, options) end

---Runs a function beside the rest of the test, as the other end of a conversation. One of them at a time runs; the next goes on while this one waits for the network, for a message or for another half. It starts with no connection. If it fails, the test does.
---
---    local client = start("client", function() connect(mx.address); … end)
---@param name string|number
---@param body function
---@return smtplay.half
function start(name, body) end

---@class smtplay.wait.options
---@field [1]? any # half
---@field within? smtplay.duration # how long to wait (default 30s)

---Awaits the end of a half and returns what its function returned.
---
---    wait(client, { within = "10s" })
---@param half any
---@param options? smtplay.wait.options
---@return any
---@overload fun(options: smtplay.wait.options): any
function wait(half, options) end

---@class smtplay.barrier.options
---@field [1]? string|number # name
---@field halves? number # how many are to come (default 2)
---@field within? smtplay.duration # how long to wait (default 30s)

---Lets halves meet: goes on when as many as are to have come here.
---
---    barrier "the message is sent"
---@param name string|number
---@param options? smtplay.barrier.options
---@return any
---@overload fun(options: smtplay.barrier.options): any
function barrier(name, options) end

---A Maildir in which messages arrive. One outside the script's folder is read only with --allow read=PATH.
---
---    maildir(var "inbox"):expect{ subject = id }
---@param path string|number
---@return smtplay.mailbox
function maildir(path) end

---An mbox file to which messages are added. One outside the script's folder is read only with --allow read=PATH.
---
---    mbox("/var/mail/james"):expect{ subject = id }
---@param path string|number
---@return smtplay.mailbox
function mbox(path) end

---@class smtplay.imap.options
---@field [1]? string|number # server
---@field server? string|number # the same, by name
---@field user? string|number # who logs in
---@field password? string|number # give it as a secret
---@field mailbox? string|number # the folder (default INBOX)
---@field tls? boolean # TLS from the first byte, as on port 993 always; elsewhere STARTTLS is demanded, but not on this machine
---@field insecure? boolean # the password may go over unverified and clear connections
---@field timeout? smtplay.duration # how long each answer may take
---@field name? string|number # SNI, and the name the certificate must hold; default --tls-name, else the host of the target
---@field ca? string # a PEM file of CAs to trust; default --ca, else the system's
---@field verify? boolean # false finishes the handshake whatever verification finds
---@field min_version? string|number # "1.0" to "1.3"
---@field max_version? string|number # "1.0" to "1.3"
---@field cert? string|number # the client's certificate, for a server that asks: a PEM file, anywhere, or PEM text; the chain above it may follow
---@field key? string|number # its key, likewise, as secret "key" with --secret key=@FILE; without it the key lies in cert too
---@field ciphers? string|string[] # the suites to offer, of TLS up to 1.2, by the registry's name or OpenSSL's; what Go's TLS does not speak is an error

---A folder of an IMAP server in which messages arrive. TLS and verification are as of connect; on another machine the password goes over nothing else unless insecure says so. Removing is by the right of the login.
---
---    imap{ server = "mail.example.com", user = "james", password = secret "password" }:expect{ subject = id }
---@param server? string|number # host:port, or host for port 993
---@param options? smtplay.imap.options
---@return smtplay.mailbox
---@overload fun(options: smtplay.imap.options): smtplay.mailbox
function imap(server, options) end

---@class smtplay.log.options
---@field [1]? string|number # path
---@field file? string|number # the same, by name

---The log of Postfix. One outside the script's folder is read only with --allow read=PATH.
---
---    log{ file = "/var/log/mail.log" }:expect{ queue_id = r.queue_id, status = "sent" }
---@param path? string|number
---@param options? smtplay.log.options
---@return smtplay.log
---@overload fun(options: smtplay.log.options): smtplay.log
function log(path, options) end

---@class smtplay.exec.options
---@field [1]? string # command
---@field status? number # the exit status that it must have (default 0)
---@field within? smtplay.duration # how long it may take (default 30s)

---Runs a command of this machine, without a shell, and returns what it wrote. Only with --allow exec. Another exit status than 0 fails the test.
---
---    exec "postqueue -f"
---@param command string
---@param options? smtplay.exec.options
---@return any
---@overload fun(options: smtplay.exec.options): any
function exec(command, options) end
