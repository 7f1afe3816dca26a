--- What pipelined.smtp says

local helo = var("helo", "me", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local recipient = var("recipient", "james@new.example.com", "to whom")
local sender2 = var("sender2", "somebody.with.a.long.name@example.org", "who writes")

connect "smtp"
expect 220
send("EHLO " .. helo); expect 250
pipeline{ "MAIL FROM:<" .. sender .. ">", "RCPT TO:<" .. recipient .. ">", "DATA" }
expect "250 2.1.0"; expect "250 2.1.5"; expect 354
send [[
Hi
.]]
raw "RSET\r\n"; expect "250 2.0.0"; expect "250 2.0.0"
pipeline{ "NOOP", "VRFY someone-with-a-rather-long-name@new.example.com" }
expect "250 2.0.0"
raw("MAIL FROM:<" .. sender2 .. "> SIZE=1000 BODY=8BITMIME\r\n"); expect "252 2.0.0"; expect "250 2.1.0"
pipeline{ "QUIT", "NOOP" }
expect "221 2.0.0"
expect_close()
