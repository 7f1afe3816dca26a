--- Relaying is refused
--- A stranger may write to those who live here, and to nobody else. The first line is the test's title, these
--- are its description.

-- What differs from server to server is a var: smtplay run --var here=you@your.domain
local here = var("here", "james@new.example.com", "an address that is hosted here")
local elsewhere = var("elsewhere", "james@example.com", "an address that is not")

connect "smtp" -- port 25 of --server; the greeting is its first reply
expect 220

-- What you would type into telnet, and what must come back: one expect for each reply, all its lines.
send "ehlo client.example.org"; expect 250
send "mail from:<james@example.org>"; expect 250

-- A pattern is a code, a code with places that do not matter, or "554 5.7.1 text in it".
send("rcpt to:<" .. here .. ">"); expect 2xx
send("rcpt to:<" .. elsewhere .. ">"); expect 5xx

-- At the end an open conversation gets QUIT. Change the 5xx to 250, and see what a failure looks like.
