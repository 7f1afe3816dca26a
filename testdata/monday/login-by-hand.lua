--- AUTH LOGIN, step by step
local user, password = var("user", "james@new.example.com"), secret "password"
connect "submission"; expect 220; send "ehlo client.example.org"; expect 250
send "STARTTLS"; expect 220; handshake(); send "ehlo client.example.org"; expect 250
send "AUTH LOGIN"; expect{ 334, challenge = "Username:" }
send(base64.encode(user)); expect{ 334, challenge = "Password:" }
send(base64.encode(password)); expect "235 2.7.0"
send "mail from:<james@new.example.com>"; expect "250 2.1.0"
send "rcpt to:<james@example.com>"; expect "250 2.1.5"
send "data"; expect 354
send [[
Hi James

This is a test message, sent with AUTH LOGIN to an unknown address.
.]]; expect "250 2.0.0 queued as"
send "quit"; expect 221
