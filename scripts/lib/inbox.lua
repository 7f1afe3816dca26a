--- Where the mail of a mailbox is found
--- In a Maildir or an mbox file of this machine, which --allow read=PATH lets a script read, or by IMAP.
local inbox = {}

--- The mailbox that the vars name; nil where they name none.
function inbox.of_files(maildir_path, mbox_path)
  if maildir_path ~= "" then return maildir(maildir_path) end
  if mbox_path ~= "" then return mbox(mbox_path) end
end

function inbox.by_imap(server, user)
  return imap{ server = server, user = user, password = secret "password" }
end

return inbox
