--- Refusals that every server words in its own way
--- Lists of replies for `expect`: any of them says what the name says.
local refusal = {}

-- AUTH in clear text: "encryption first" (523, 530, 538), "too weak here" (534),
-- "not enabled" (503; a Postfix of 2009 said 504), "what is that?" (500, 502).
-- Not 535: that speaks of the password, so the server has read and tried it.
refusal.of_auth_in_clear = { 500, 502, 503, 504, 523, 530, 534, 538 }

-- Mail from somebody who did not log in. Postfix says 530 to MAIL or 554 5.7.1
-- to RCPT, chasquid 550 5.7.9 to MAIL. Not 550 5.1.1: "no such mailbox" is told to those who may send.
refusal.without_login = { 530, "550 5.7.1", "550 5.7.9", "554 5.7.1" }

-- A sender that is not the client's. Postfix says 553 5.7.1, others 550 5.7.1 or
-- 5.7.60; a service for users alone sends strangers away with 530.
refusal.of_sender = { "553 5.7.1", "550 5.7.1", "554 5.7.1", "550 5.7.60", 530 }

return refusal
