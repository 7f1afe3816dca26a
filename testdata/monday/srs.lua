--- What we forward leaves under our own name, and its bounce finds home
--- forward@new.example.com is an alias of fred@example.net; transport_maps sends example.net to the target `mx`.
local who, id, mx = require "lib/who", unique(), listen "mx"
who.outside(); mail "alice@example.org"; rcpt "forward@new.example.com"
data(message{ from = "alice@example.org", to = "forward@new.example.com", subject = id }); quit()
local got = mx:take{ within = "30s" }          -- a sound server for one message; mx:take{ rcpt = "451 4.7.1 later" } defers it
got:expect{ from = { match = [[^SRS0=[^=]+=[^=]+=example\.org=alice@new\.example\.com$]] }, to = "fred@example.net",
            tls = true, dkim = "new.example.com", header = { Subject = id } }
who.outside(); mail ""; rcpt(got.from); rset(); quit()
