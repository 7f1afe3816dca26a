--- SIZE means what it says
local who, user = require "lib/who", var("user", "james@new.example.com")
who.user "submission"
local limit = tonumber(capabilities().SIZE[1])
mail(user, { size = limit + 1, expect = "552 5.3.4" }); mail(user, { size = limit }); rset()
mail(user); rcpt(user)
data(message{ to = user, size = limit + 1000 }, { expect = "552 5.3.4", timeout = "10m" })
quit()
