--- What refused.smtp says

local helo = var("helo", "client.example.org", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local unknown = var("unknown", "james@example.com", "an address that is not hosted here")
local recipient = var("recipient", "nobody@new.example.com", "to whom")

connect "smtp" -- 192.0.2.1:25
expect 220
send("EHLO " .. helo); expect 250
send("MAIL FROM:<" .. sender .. "> SIZE=100"); expect "250 2.1.0"
send("RCPT TO:<" .. unknown .. ">"); expect "554 5.7.1"
send("RCPT TO:<" .. recipient .. ">"); expect "550 5.1.1"
send "MAIL FROM:<>"; expect "503 5.5.1"
send "RSET"; expect "250 2.0.0"
close()
