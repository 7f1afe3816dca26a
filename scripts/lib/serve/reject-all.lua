--- A server that refuses every recipient
--- Proves what becomes of refused mail: with 5xx it bounces at once, with 4xx it stays in the queue (`postqueue -p`).
---
---     transport_maps = inline:{ { example.com = smtp:[127.0.0.1]:2525 } }
local reply = var("reply", "550 5.7.1 Not wanted here", "what each recipient is answered")

listen():serve{ rcpt = reply }
