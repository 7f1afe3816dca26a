--- What silent.smtp says

-- connect "smtp": nothing was heard
skip "the server said nothing when this was taken down"
