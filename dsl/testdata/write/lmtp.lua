--- What lmtp.smtp says

local helo = var("helo", "me", "the name we give in EHLO")
local sender = var("sender", "a@example.org", "who writes")
local recipient = var("recipient", "a@new.example.com", "to whom")
local recipient2 = var("recipient2", "b@new.example.com", "to whom")
local recipient3 = var("recipient3", "c@new.example.com", "to whom")

connect "lmtp" -- 127.0.0.1:2424
expect 220
send("LHLO " .. helo); expect 250
send("MAIL FROM:<" .. sender .. ">"); expect "250 2.1.0"
send("RCPT TO:<" .. recipient .. ">"); expect "250 2.1.5"
send("RCPT TO:<" .. recipient2 .. ">"); expect "250 2.1.5"
send("RCPT TO:<" .. recipient3 .. ">"); expect "550 5.1.1"
send "DATA"; expect 354
send [[
Hi
.]]
expect "250 2.0.0"; expect "452 4.2.2"
send "QUIT"; expect "221 2.0.0"
