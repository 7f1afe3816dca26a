--- A server that greylists: who comes again is let in
--- Proves that mail that is put off arrives all the same: the first try of a client, sender and recipient gets
--- 451 4.7.1, and so does any before `delay` is over; later ones are taken. Postfix, and at once instead of in minutes:
---
---     transport_maps = inline:{ { example.com = smtp:[127.0.0.1]:2525 } }     # then: postqueue -f
local delay = var("delay", "0s", "how long a new client, sender and recipient are put off, such as 30s or 5m")

local unit = { s = 1, m = 60, h = 3600 }
local number, letter = delay:match "^(%d+)([smh])$"
assert(number, "delay is seconds, minutes or hours, such as 30s, and not " .. delay)
local patience = tonumber(number) * unit[letter]

-- When each was first seen. There are two tables, of which the older is forgotten, so that they never fill the memory.
local recent, older, count = {}, {}, 0

local function first_seen(who)
  local at = recent[who] or older[who]
  if not recent[who] then
    if count == 50000 then recent, older, count = {}, recent, 0 end
    recent[who], count = at or os.time(), count + 1
  end
  return at
end

listen():serve{ rcpt = function(address, visit)
  local at = first_seen(table.concat({ visit.peer or "", visit.from or "", address }, "\n"):lower())
  if not at or os.time() - at < patience then return "451 4.7.1 <" .. address .. ">: Greylisted, come again" end
end }
