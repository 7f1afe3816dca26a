--- We relay for nobody outside
--- Seven spellings of a foreign recipient. Stops at RCPT: no mail is made. A connection each: ten errors slow Postfix down, twenty end it.
local who, denied = require "lib/who", var("relay_refusal", "554 5.7.1")     -- Debian's own main.cf: "454 4.7.1"
for _, to in ipairs{ "x@example.com", '"x@example.com"', "x%example.com@new.example.com", "<@new.example.com:x@example.com>",
                     "example.com!x", '"x@example.com"@new.example.com', "x@example.com@[127.0.0.1]" } do
  test("refused: " .. to, function() who.outside(); expect_refusal{ from = "", to = to, expect = denied }; quit() end)
end
test("refused: nobody@ our domain (backscatter)", function()
  who.outside(); expect_refusal{ from = "", to = "nobody-" .. unique() .. "@new.example.com", expect = "550 5.1.1" }; quit()
end)
test("open for business", function() who.outside(); mail ""; rcpt "james@new.example.com"; rcpt "<postmaster>"; rset(); quit() end)
