--- One message stays one message
--- From outside: smtpd_forbid_bare_newline_exclusions spares mynetworks. 3.7's default is "no", and LF.LF is taken for the end there.
local who, known = require "lib/who", "james@new.example.com"
for _, c in ipairs{ { "LF.LF", "\n.\n" }, { "LF.CRLF", "\n.\r\n" }, { "CRLF.LF", "\r\n.\n" }, { "CR.CR", "\r.\r" }, { "CRLF.CR", "\r\n.\r" } } do
  test(c[1] .. " ends no message", function()
    who.outside(); mail ""; rcpt(known); send "data"; expect 354
    raw("Subject: one\r\n\r\none" .. c[2] .. "mail from:<>\r\nrcpt to:<" .. known .. ">\r\nrset\r\nx\r\n.\r\n")
    if expect{ 250, "5xx" }.code == 250 then expect_silence "3s" end
  end)
end
test("what was sent beside STARTTLS is forgotten", function()
  connect "smtp"; ehlo(); raw "STARTTLS\r\nVRFY injected\r\n"; expect 220
  handshake{ verify = false }; expect_silence "2s"; noop(); quit()
end)
