--- A slip is forgiven, a flood of errors is not
--- chapter: 7.9 What a server takes, and what it refuses
--- People make mistakes, and a session outlives a few. A program that tries what it can find goes on for ever, unless the
--- server hangs up: with 421, after `smtpd_hard_error_limit` errors in a session.
---
--- Needs the target `smtp`; the vars `helo` and `error_limit`, the number of errors by which it must have hung up.
--- The flood comes with `--var provoke=yes` only, and takes a second an error where the server slows it down.
requires{ target = "smtp" }

local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local limit = var("error_limit", "30", "by how many errors the server must have hung up")
local provoking = var("provoke", "no", "yes: behave as attackers do; a server may ban the client for it")

local function gone(failure)
  return failure.message:find "closed the connection" or failure.message:find "connection was reset"
end

test("two errors are forgiven", function()
  connect "smtp"; ehlo(helo)
  for _ = 1, 2 do
    send "xyzzy"; expect{ "5xx", because = "there is no such command" }
  end
  noop(); quit()
end)

test("many are not", function()
  if provoking ~= "yes" then skip "a server may ban the client for this: --var provoke=yes tries it" end
  local most = assert(tonumber(limit), "error_limit is a number")
  connect "smtp"; ehlo(helo)
  for _ = 1, most do
    local listens, failure = attempt(function() send "xyzzy" end)
    if not listens then -- some hang up without a word, some say 5xx first
      if not gone(failure) then
        expect{ 421, "5xx" }
        expect_close()
      end
      return
    end
    local answer
    listens, failure = attempt(function() answer = expect{ "5xx", 421 } end)
    if not listens then
      if not gone(failure) then fail(failure.message) end
      return
    end
    if answer.code == 421 then
      expect_close()
      return
    end
  end
  fail("the server still listens after " .. limit .. " errors (Postfix: smtpd_hard_error_limit)")
end)
