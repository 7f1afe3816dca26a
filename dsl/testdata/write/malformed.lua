--- What malformed.smtp says

local helo = var("helo", "me", "the name we give in EHLO")

connect "smtp" -- 192.0.2.1:25
expect 220
send("EHLO " .. helo); expect 250
-- send "NOOP": no reply to it was seen
-- The server said what is no reply: "Fatal error: out of memory\r\n"
-- send "RSET"
-- "250 Ok\r\n"
