--- What turned-away.smtp says

connect "smtp" -- 192.0.2.1:25
expect "554 5.7.1"
expect_close()
