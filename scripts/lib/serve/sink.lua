--- A server that takes everything, and keeps nothing
--- Proves that mail leaves, and how: every line that it tells has the client, its TLS, sender and recipients.
--- In Postfix's main.cf, for all mail of a machine that must not send any:
---
---     default_transport = smtp:[127.0.0.1]:2525
---     relay_transport = smtp:[127.0.0.1]:2525
listen():serve()
