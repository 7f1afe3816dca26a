--- Whether the last EHLO offered a keyword with that parameter
--- For what a script may find either way; what must or must not be there is for `expect_capability`.
return function(keyword, parameter)
  for _, offered in ipairs(capabilities()[keyword] or {}) do
    if offered:upper() == parameter then return true end
  end
  return false
end
