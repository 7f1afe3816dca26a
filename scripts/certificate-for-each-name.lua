--- Who asks for one of the server's names gets a certificate for it
--- chapter: 6.4 Certificates
--- A client says in the handshake whom it wants (SNI), and a server of several domains chooses by that (Postfix:
--- tls_server_sni_maps). A name that was forgotten there gets the certificate of another, and its users a warning.
---
--- Needs the targets `smtp`, `submission` and `submissions`; the vars `helo` and `certificate_names`, with blanks
--- between the names.
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local names = var("certificate_names", "maila.example.com", "the names by which clients know the server")

local function judge(name)
  expect_certificate{ name = name, trusted = true }
  quit()
end

local function each(show)
  for name in names:gmatch "%S+" do
    show{ name = name, verify = false } -- the handshake goes on; all faults are told at once by judge
    judge(name)
  end
end

test("smtp", function()
  requires{ target = "smtp" }
  each(function(asked) connect "smtp"; ehlo(helo); starttls(asked) end)
end)

test("submission", function()
  requires{ target = "submission" }
  each(function(asked) connect "submission"; ehlo(helo); starttls(asked) end)
end)

test("submissions", function()
  requires{ target = "submissions" }
  each(function(asked) connect("submissions", asked) end)
end)
