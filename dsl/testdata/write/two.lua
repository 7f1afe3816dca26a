--- What two.smtp says

local helo = var("helo", "one", "the name we give in EHLO")
local helo2 = var("helo2", "two", "the name we give in EHLO")

local first = connect "smtp" -- 192.0.2.1:25
first:expect 220
local second = connect "smtp" -- 192.0.2.1:25
second:expect 220
first:send("EHLO " .. helo); first:expect 250
second:send("EHLO " .. helo2); second:expect 250
first:starttls{ expect = "220 2.0.0" }
second:send "QUIT"; second:expect 221
second = connect "smtp" -- 192.0.2.1:25
second:expect 421
second:expect_close()
first:send "QUIT"; first:expect 221
