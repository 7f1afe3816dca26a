--- Port 587 is for people who logged in over TLS, and for nobody else
local who, user = require "lib/who", var("user", "james@new.example.com")
test("in clear: no AUTH, no MAIL", function()
  connect "submission"; ehlo(); expect_capability "STARTTLS"; expect_no_capability "AUTH"; expect_no_capability "AUTH="
  mail(user, { expect = "530 5.7.0" }); quit()
end)
test("over TLS without login: not even a mailbox of ours", function()
  who.tls "submission"; expect_refusal{ from = user, to = user, expect = { 530, "550 5.7.1", "554 5.7.1" } }; quit()
end)
test("logged in: the world", function() who.user "submission"; mail(user); rcpt "x@example.com"; rset(); quit() end)
