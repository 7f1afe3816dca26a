--- What login-by-hand.smtp says

local helo = var("helo", "me", "the name we give in EHLO")
local user = var("user", "james@new.example.com", "who logs in")
local password = secret "password"
local user2 = var("user2", "other@new.example.com", "who logs in")
local other = secret "other"
local user3 = var("user3", "nobody", "who logs in")

connect "smtp"
expect 220
send("helo " .. helo); expect 250
send "starttls"; expect 220
handshake()
send("AUTH PLAIN " .. base64.encode("\0" .. user .. "\0" .. password)); expect 504
send("ehlo " .. helo); expect 250
send("auth plain " .. base64.encode("\0" .. user .. "\0" .. password)); expect "535 5.7.8"
send "AUTH PLAIN"; expect 334
send "*"; expect "501 5.7.0"
send "AUTH PLAIN"; expect 334
send(base64.encode("a b\0" .. user2 .. "\0" .. password)); expect "535 5.7.8"
send("AUTH LOGIN " .. base64.encode(user)); expect 334
send(base64.encode(other)); expect "535 5.7.8"
send "AUTH LOGIN"; expect "503 5.5.1"
send("X-LOGIN james " .. password .. " " .. unique()); expect "500 5.5.2"
send("auth plain " .. base64.encode("\0" .. user3 .. "\0" .. unique())); expect "535 5.7.8"
