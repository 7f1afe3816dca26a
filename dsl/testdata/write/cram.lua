--- What cram.smtp says

local helo = var("helo", "me", "the name we give in EHLO")
local user = var("user", "james", "who logs in")
local password = secret "password"

connect "smtp"
expect 220
send("EHLO " .. helo); expect 250
auth("XOAUTH2", user, password, { expect = "535 5.7.8" })
send "AUTH CRAM-MD5"; expect 334
send "*"; expect "501 5.7.0"
auth("XOAUTH2", user, password, { initial = false, expect = "535 5.7.8" })
send "AUTH ANONYMOUS ="; expect "535 5.7.8"
auth("CRAM-MD5", user, password, { expect = "235 2.7.0" })
send "QUIT"; expect 221
