-- lib/who.lua: every way in ends after the EHLO that counts
local who = {}
function who.outside(addr)            -- a stranger, wherever this runs; target `xclient` is a listener that allows it
  connect "xclient"; ehlo()
  xclient{ addr = addr or "203.0.113.7", name = "client.example.net" }; ehlo()
end
function who.tls(target, options)     -- options of section 4 given to connect hold for the later starttls too
  connect(target, options); ehlo()
  if not tls() then starttls(); ehlo() end
end
function who.user(target) who.tls(target); auth{ user = var "user", password = secret "password" } end
return who
