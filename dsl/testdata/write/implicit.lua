--- What implicit.smtp says

connect "submissions" -- 127.0.0.1:4465
expect 220
send "QUIT"; expect "221 2.0.0"
connect("smtp", { tls = true }) -- it was unverified: expired
expect 220
send "NOOP"; expect "250 2.0.0"
close()
connect("submissions", { tls = false }) -- 192.0.2.1:465
expect 220
send "NOOP"; expect "250 2.0.0"
