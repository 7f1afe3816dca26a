--- What login.smtp says

local helo = var("helo", "client.example.org", "the name we give in EHLO")
local user = var("user", "james@new.example.com", "who logs in")
local other = secret "other"
local password = secret "password"

connect "submission" -- 127.0.0.1:2587
expect 220
send("EHLO " .. helo); expect 250
starttls{ expect = "220 2.0.0" } -- it was unverified: self-signed certificate
send("EHLO " .. helo); expect 250
auth("PLAIN", user, other, { expect = "535 5.7.8" })
auth("PLAIN", user, password, { identity = "boss", expect = "535 5.7.8" })
auth("LOGIN", user, password, { expect = "235 2.7.0" })
send "QUIT"; expect "221 2.0.0"
