--- What early.smtp says

local helo = var("helo", "me", "the name we give in EHLO")
local sender = var("sender", "a@example.org", "who writes")
local recipient = var("recipient", "a@example.org", "to whom")

connect "smtp"
raw("EHLO " .. helo .. "\r\n"); expect 220; expect 250
-- in this reply: nothing
step "Line ends"
raw "NOOP\n"; expect "500 5.5.2"
raw "NO"
send "OP"; expect "250 2.0.0"
send("MAIL FROM:<" .. sender .. ">"); expect "250 2.1.0"
send("RCPT TO:<" .. recipient .. ">"); expect "250 2.1.5"
send "DATA"; expect 354
send "M\252ller\n\ntab\t, \"quotes\" and \\ [[brackets]]\n."
expect "250 2.0.0"
send("MAIL FROM:<" .. sender .. ">"); expect "250 2.1.0"
send("RCPT TO:<" .. recipient .. ">"); expect "250 2.1.5"
send "DATA"; expect 354
raw "bare\n.\n.\r\n"
expect "250 2.0.0"
raw "BDAT 6 LAST\r\nsome\r\n"; expect "503 5.5.1"
