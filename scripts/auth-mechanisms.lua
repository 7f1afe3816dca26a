--- Every mechanism that the server offers lets the user in
--- chapter: 2.3 Understanding authentication
--- Programs take the strongest that they know. A server that offers SCRAM or CRAM-MD5 and keeps only a hash of the
--- passwords refuses all of those, while PLAIN works. Each mechanism by password is tried with the right password. A
--- wrong one is tried once, with the strongest but PLAIN, lest the server lock the user out; `--var wrong=each` tries it
--- with each.
---
--- CRAM-MD5, DIGEST-MD5 and SCRAM answer a challenge in place of sending the password. That keeps a password from who
--- listens, unless it can be guessed, and nothing else: the mail itself stays readable, and the connection can be taken over.
--- Inside TLS, PLAIN is no worse for that, and lets the server keep nothing but a hash.
---
--- Needs the target `submission`; the vars `helo`, `user` and `wrong`; the secret `password`.
requires{ target = "submission" }

local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local user = var("user", "james@new.example.com", "who logs in")
local password = secret "password"
local wrong = var("wrong", "once", "how often a wrong password is tried; each: with each mechanism")

local function secured()
  connect "submission"; ehlo(helo); starttls(); ehlo(helo)
end

-- offered are those by password that the server offers, the strongest first.
local function offered()
  secured()
  expect_capability "AUTH"
  local found = {}
  for _, m in ipairs{ "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "CRAM-MD5", "DIGEST-MD5", "PLAIN", "LOGIN" } do
    for _, offer in ipairs(capabilities().AUTH) do
      local bound = m:find("-PLUS", 1, true) -- to TLS 1.3
      if offer:upper() == m and (not bound or tls().version == "TLS1.3") then found[#found + 1] = m end
    end
  end
  quit()
  if #found == 0 then skip "no mechanism by password is offered" end
  return found
end

test("the right password is accepted by each", function()
  for _, m in ipairs(offered()) do
    secured()
    auth{ m, user, password, expect = { 235, because = "the server offers " .. m } }
    quit()
  end
end)

test{ "a wrong password is refused", once = true, function()
  local tried = false
  for _, m in ipairs(offered()) do
    if wrong == "each" or not tried and m ~= "PLAIN" then
      tried = true
      secured()
      auth{ m, user, "wrong-" .. unique(), expect = { 535, because = "nobody has this password, by " .. m } }
      quit()
    end
  end
  if not tried then skip "PLAIN alone is offered, which auth-plain.lua tries" end
end }
