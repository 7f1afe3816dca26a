--- What tutorial.smtp says

local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local recipient = var("recipient", "james@new.example.com", "to whom")

connect "smtp" -- 127.0.0.1:2525
expect 220
send("ehlo " .. helo); expect 250
send("mail from:<" .. sender .. ">"); expect "250 2.1.0"
send("rcpt to:<" .. recipient .. ">"); expect "250 2.1.5"
send "data"; expect 354
send [[
Hi James

250 people are coming.
..
.]]
expect "250 2.0.0"
send "quit"; expect "221 2.0.0"
