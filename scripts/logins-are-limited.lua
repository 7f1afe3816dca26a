--- Who guesses passwords is stopped
--- chapter: 7.10 What a server takes, and what it refuses
--- Passwords are guessed by the thousand. A server hangs up with 421 after some wrong ones in a session
--- (`smtpd_hard_error_limit`), or takes no more AUTH from that client for a while (`smtpd_client_auth_rate_limit`, 450);
--- fail2ban does the rest.
---
--- Needs the target `submission`; the vars `helo` and `login_limit`, the number of wrong passwords by which it must have
--- stopped them. All are for a made-up user. It runs with `--var provoke=yes` only, and `--auth-failures` must allow as
--- many: `--auth-failures 0` allows any number. Take an address of your own that may be banned.
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local limit = var("login_limit", "30", "by how many wrong passwords the server must have stopped us")
local provoking = var("provoke", "no", "yes: behave as attackers do; a server may ban the client for it")

test{ "a guesser is stopped", once = true, function()
  if provoking ~= "yes" then skip "a server may ban the client for this: --var provoke=yes tries it" end
  requires{ target = "submission" }
  local most = assert(tonumber(limit), "login_limit is a number")
  connect "submission"; ehlo(helo); starttls(); ehlo(helo)
  auth("PLAIN", "nobody", "made-up-" .. unique(), { expect = { 535, because = "there is no such user" } })
  for _ = 2, most do
    local heard, answer = attempt(function()
      return auth("PLAIN", "nobody", "made-up-" .. unique(), { expect = { 535, 421, "450 4.7.1", 235 } })
    end)
    if not heard then -- it hung up behind the last 535
      local gone = answer.message:find "closed the connection" or answer.message:find "connection was reset"
      if not gone then expect(421); expect_close() end
      return
    end
    assert(answer.code ~= 235, "a made-up password is taken")
    if answer.code ~= 535 then
      note("stopped: " .. answer.text)
      close()
      return
    end
  end
  fail("after " .. limit .. " wrong passwords the server takes one more (Postfix: smtpd_hard_error_limit)")
end }
