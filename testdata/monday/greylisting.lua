--- A stranger is deferred, an impatient one again, a patient one is let in
--- Letters only, no digits and no +: Postgrey folds those. A new address a run: it trusts a client after five successes (from memory).
local who, from = require "lib/who", unique() .. "@example.org"
local addr = ("198.18.%d.%d"):format(math.random(0, 255), math.random(1, 254))
local function try(pattern) who.outside(addr); mail(from); rcpt("james@new.example.com", { expect = pattern }); quit() end
local later = { "450 4.2.0", "450 4.7.1", "451 4.7.1" }
try(later); try(later)
eventually{ within = "7m", every = "30s", function() try(250) end }
