--- What refused-text.smtp says

local helo = var("helo", "client.example.org", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local unknown = var("unknown", "james@example.com", "an address that is not hosted here")
local recipient = var("recipient", "nobody@new.example.com", "to whom")

connect "smtp" -- 192.0.2.1:25
expect "220 mail.example.com ESMTP"
send("EHLO " .. helo); expect "250 mail.example.com"
send("MAIL FROM:<" .. sender .. "> SIZE=100"); expect "250 2.1.0 Ok"
send("RCPT TO:<" .. unknown .. ">"); expect("554 5.7.1 <" .. unknown .. ">: Relay access denied")
send("RCPT TO:<" .. recipient .. ">")
expect{ "550 5.1.1", text = "<" .. recipient .. ">: User unknown\nin virtual mailbox table" }
send "MAIL FROM:<>"; expect "503 5.5.1 Error: nested MAIL command"
send "RSET"; expect "250 2.0.0 Ok"
close()
