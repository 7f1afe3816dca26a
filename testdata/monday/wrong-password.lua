--- A wrong password is refused, asked once a run, for a user who does not exist
local who = require "lib/who"
test{ "535, and nobody is logged in", once = true, function()
  who.tls "submission"
  expect_capability("AUTH", "PLAIN")           -- Postfix says 535 5.7.8 to a mechanism it lacks, too
  auth{ "PLAIN", "nobody@new.example.com", "wrong-" .. unique(), expect = "535 5.7.8" }
  expect_refusal{ from = "james@new.example.com", to = "x@example.com", expect = { 530, "554 5.7.1", "454 4.7.1" } }; quit()
end }
