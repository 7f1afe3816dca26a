--- What hung-up.smtp says

local helo = var("helo", "me", "the name we give in EHLO")

connect "smtp" -- 192.0.2.1:25
expect 220
pipeline{ "EHLO " .. helo, "NOOP" }
expect 250
expect_close()
