--- A server that answers each recipient as the name asks
--- Proves that one refused recipient does not harm the others of a message: full@ is put off, nobody@ does not exist,
--- big@ is refused after the message was sent, whoever else is taken.
---
---     transport_maps = inline:{ { example.com = smtp:[127.0.0.1]:2525 } }
local answers = {
  full = "452 4.2.2 Mailbox full",
  nobody = "550 5.1.1 No such user",
}

local function name(address) return address:lower():match "^(.*)@" or address:lower() end

listen():serve{
  rcpt = function(address) return answers[name(address)] end,
  message = function(_, visit)
    for _, address in ipairs(visit.to) do
      if name(address) == "big" then return "552 5.3.4 Message too big" end
    end
  end,
}
