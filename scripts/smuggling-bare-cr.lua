--- A bare CR ends no command
--- chapter: 9.2 SMTP smuggling
--- A line ends in CR LF (RFC 5321, 2.3.8). If a server took a CR for an end where the one before it took it for a letter,
--- they would not see the same commands. A bare LF many servers do take for an end, between commands: that is noted here,
--- and is no fault as long as each command has its answer, in order.
---
--- How to read it: a note says what the server makes of a bare LF. Postfix answers both commands, with
--- `smtpd_forbid_bare_newline=reject` it says 550 and hangs up, with `smtpd_forbid_unauth_pipelining=yes` 554.
---
--- Needs the target `smtp`; the var `helo`.
requires{ target = "smtp" }

local outside = require "lib/outside"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")

test("CR", function()
  outside(helo)
  raw "noop\rrset\r\n"
  local answer = expect{ 250, "5xx" }
  if answer.code ~= 250 and attempt(function() expect_close{ timeout = "1s" } end) then return end -- as it may
  expect_silence "0.5s"
  noop(); quit()
end)

test("LF", function()
  outside(helo)
  raw "noop\nnoop\r\n"
  if expect{ 250, "5xx" }.code ~= 250 then
    note "a bare LF in a command is refused"
    close()
  elseif attempt(function() expect_silence "0.5s" end) then
    note "a bare LF ends no command"
    quit()
  else
    expect 250
    note "a bare LF ends a command as CR LF does"
    quit()
  end
end)
