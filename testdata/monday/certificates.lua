--- Three ports, one renewed certificate, no old TLS
local who, name, pem = require "lib/who", var "certificate_name", var("certificate_file", "", "the PEM on disk")
for _, target in ipairs{ "smtp", "submission", "submissions" } do
  test(target .. ": the certificate", function()
    who.tls(target, { name = name, verify = false })       -- judged below, all faults at once
    expect_certificate{ name = name, trusted = true, chain = true, min_days_left = 14, min_key_bits = 2048, file = pem ~= "" and pem or nil }
    quit()
  end)
  test(target .. ": no TLS 1.1", function()
    local old = { max_version = "1.1", verify = false, refused = "protocol version" }
    if target == "submissions" then connect(target, old) else connect(target); ehlo(); starttls(old) end
  end)
end
