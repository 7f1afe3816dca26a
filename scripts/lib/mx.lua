--- Both ways of a message that leaves: in as a user's, and out to a listener of the script's
--- The server may hold other mail for the same domain, of people or of a test that failed: it is told to come back later.
local mx = {}

--- A user logs in and writes; the reply to the message.
function mx.submit(user, to, message)
  connect "submission"; ehlo(message.helo); starttls(); ehlo(message.helo)
  auth{ user = user, password = secret "password" }
  mail(user); rcpt(to)
  local queued = data(message.text)
  quit()
  return queued
end

--- The next session of the listener that is not about the mail of others alone.
function mx.take(listener, to, answers)
  local rcpt = answers.rcpt
  answers.rcpt = function(address)
    if address:lower() == to:lower() then return rcpt end
    return "450 4.2.1 a test is under way here: come back later"
  end
  local got
  repeat got = listener:take(answers) until got.transactions == 0 or got.rejected[to] or got.to[1]
  return got
end

--- Has the server try at once what it keeps for later, where a command for that is given.
function mx.again(flush)
  if flush ~= "" then exec(flush) else note "the server tries again by itself: --var flush='postqueue -f' --allow exec spares the wait" end
end

--- Awaits a line in the log of the server, where that is given.
function mx.logged(file, demand)
  if file == "" then note "the log is not looked at: --var mail_log=FILE --allow read=FILE" return end
  return log(file):expect(demand)
end

return mx
