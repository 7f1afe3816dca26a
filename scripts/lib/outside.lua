--- A connection as a stranger has it, after its EHLO
--- To the target `smtp`. Run from outside, we are one. Where the server lets us say so by XCLIENT, as a listener can that
--- is made for it (`--target smtp=HOST:PORT`; Postfix: smtpd_authorized_xclient_hosts), we are one wherever this runs.
return function(helo)
  connect "smtp"; ehlo(helo)
  if capabilities().XCLIENT then
    xclient{ addr = "203.0.113.7", name = "client.example.net" }; ehlo(helo)
  end
end
