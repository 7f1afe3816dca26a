--- What smuggled.smtp says

local helo = var("helo", "me", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local recipient = var("recipient", "james@new.example.com", "to whom")

connect "smtp"
expect 220
send("EHLO " .. helo); expect 250
send("MAIL FROM:<" .. sender .. ">"); expect "250 2.1.0"
send("RCPT TO:<" .. recipient .. ">"); expect "250 2.1.5"
send "DATA"; expect 354
raw "one\n.\r\nmail from:<>\r\n.\r\n"
expect "250 2.0.0"
send "QUIT"; expect "221 2.0.0"
