--- What accepted.smtp says

connect "smtp" -- 127.0.0.1:2525
expect 220
-- left out, where smtplay was the server: mx from 127.0.0.1
send "NOOP"; expect "250 2.0.0"
send "QUIT"; expect "221 2.0.0"
