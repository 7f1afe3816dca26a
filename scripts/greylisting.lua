--- A stranger is deferred, and let in when he comes again
--- chapter: 7.7 What a server takes, and what it refuses
--- Greylisting: the first mail from somebody unknown is put off, which spam programs do not wait for. Who comes again at
--- once is put off again; who has waited is let in.
---
--- Needs the target `smtp`, reached from outside or with XCLIENT; the vars `helo`, `known`, `greylisting`, how long the
--- server may put a stranger off, and `retry_every`. The sender is a new one each run, of letters alone. Skips where no
--- `greylisting` is given. No message is sent.
local outside = require "lib/outside"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local delay = var("greylisting", "", "how long a stranger may be put off, such as 7m")
local every = var("retry_every", "30s", "how long to wait before each further try")

if delay == "" then skip "whether this server greylists was not said: --var greylisting=7m does" end
requires{ target = "smtp" }

local stranger = unique() .. "@example.org"
local later = { "450", "451", because = "nobody has heard of this sender (check_policy_service, or the greylisting milter)" }

local function try(pattern)
  outside(helo)
  mail(stranger); rcpt(known, { expect = pattern })
  quit()
end

try(later)
try(later)
eventually{ within = delay, every = every, function() try(250) end }
