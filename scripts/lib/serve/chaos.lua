--- A server that breaks off
--- Proves that no mail is lost, and none comes twice, where a connection dies: at `phase` the session ends as `how` says,
--- without an answer. After the final dot Postfix cannot know whether its message was taken, and sends it again.
---
---     transport_maps = inline:{ { example.com = smtp:[127.0.0.1]:2525 } }
local phase = var("phase", "message", "where it breaks off: greeting, ehlo, starttls, mail, rcpt, data, message (after the dot) or quit")
local how = var("how", "reset", "close, drop (without TLS's farewell), reset, half-close, silence or hang")

local phases = { greeting = true, ehlo = true, starttls = true, mail = true, rcpt = true, data = true, message = true, quit = true }
assert(phases[phase], "there is no phase " .. phase .. ": it is greeting, ehlo, starttls, mail, rcpt, data, message or quit")

local answers = { timeout = "15m" }
answers[phase] = { ending = how }
listen():serve(answers)
