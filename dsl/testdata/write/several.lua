--- Several

local helo = var("helo", "client.example.org", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local unknown = var("unknown", "james@example.com", "an address that is not hosted here")
local recipient = var("recipient", "nobody@new.example.com", "to whom")
local user = var("user", "james@new.example.com", "who logs in")
local other = secret "other"
local password = secret "password"

test("conversation 1", function()
  connect "smtp" -- 192.0.2.1:25
  expect 220
  send("EHLO " .. helo); expect 250
  send("MAIL FROM:<" .. sender .. "> SIZE=100"); expect "250 2.1.0"
  send("RCPT TO:<" .. unknown .. ">"); expect "554 5.7.1"
  send("RCPT TO:<" .. recipient .. ">"); expect "550 5.1.1"
  send "MAIL FROM:<>"; expect "503 5.5.1"
  send "RSET"; expect "250 2.0.0"
  close()
end)

test("conversation 2", function()
  connect "submission" -- 127.0.0.1:2587
  expect 220
  send("EHLO " .. helo); expect 250
  starttls{ expect = "220 2.0.0" } -- it was unverified: self-signed certificate
  send("EHLO " .. helo); expect 250
  auth("PLAIN", user, other, { expect = "535 5.7.8" })
  auth("PLAIN", user, password, { identity = "boss", expect = "535 5.7.8" })
  auth("LOGIN", user, password, { expect = "235 2.7.0" })
  send "QUIT"; expect "221 2.0.0"
end)

test("conversation 3", function()
  connect "smtp" -- 192.0.2.1:25
  expect 220
  send("EHLO " .. helo); expect 250
  send("MAIL FROM:<" .. sender .. "> SIZE=100"); expect "250 2.1.0"
  send("RCPT TO:<" .. unknown .. ">"); expect "554 5.7.1"
  send("RCPT TO:<" .. recipient .. ">"); expect "550 5.1.1"
  send "MAIL FROM:<>"; expect "503 5.5.1"
  send "RSET"; expect "250 2.0.0"
  close()
end)
