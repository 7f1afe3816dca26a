--- A report of success comes when it is asked for
local who, user, id = require "lib/who", var("user", "james@new.example.com"), unique()
who.user "submission"; expect_capability "DSN"
mail(user, { ret = "HDRS", envid = id }); rcpt(user, { notify = "SUCCESS", orcpt = "rfc822;" .. user })
data(message{ from = user, to = user, subject = id }); quit()
maildir(var "inbox"):expect{ within = "30s", from = "", report = { ["Original-Envelope-Id"] = id, Action = "delivered", Status = "2.x.x" } }
