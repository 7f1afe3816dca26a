--- Nobody writes in another's name
local who, known = require "lib/who", "james@new.example.com"
test("james is not the boss", function()
  who.user "submission"; expect_refusal{ from = "boss@new.example.com", to = known, expect = "553 5.7.1 not owned by user" }; quit()
end)
test("a stranger is not james", function()
  who.outside(); expect_refusal{ from = known, to = known, expect = "553 5.7.1 not logged in" }; quit()
end)
test("james is james", function() who.user "submission"; mail(known); rcpt(known); rset(); quit() end)
