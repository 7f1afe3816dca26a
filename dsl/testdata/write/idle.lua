--- What idle.smtp says

local helo = var("helo", "me", "the name we give in EHLO")

connect "smtp" -- 192.0.2.1:25
expect 220
send("EHLO " .. helo); expect 250; expect "421 4.4.2"
expect_close()
-- after it
