-- A plugin for the Lua language server. It teaches it smtplay's reply literals: expect 554 is
-- expect(554), and expect 4xx is expect("4xx"). The rule is the one by which smtplay reads its
-- scripts, so that every valid Lua file is left as it is. The server calls OnSetText with the
-- text of each file, and gets what is to be read in the place of parts of it.

local find, sub = string.find, string.sub

local keywords = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return then true until while"):gmatch("%a+") do
  keywords[word] = true
end

-- After these the next word is declared, and called by nobody.
local declares = { ["local"] = true, ["function"] = true, ["goto"] = true, ["for"] = true }

-- A literal before these would be called or indexed: that is a slip, and stays one.
local continues = { ["("] = true, ["["] = true, ["{"] = true, ["."] = true, [":"] = true, string = true, number = true }

-- longBracket is the end of a long bracket that begins at i, nil where it has none.
local function longBracket(src, i)
  local _, open, level = find(src, "^%[(=*)%[", i)
  if not open then
    return nil
  end
  local _, shut = find(src, "]" .. level .. "]", open + 1, true)
  return shut
end

-- quoted is the end of a string in quotes that begins at i, nil where it has none.
local function quoted(src, i)
  local quote = sub(src, i, i)
  i = i + 1
  while true do
    i = find(src, "[\\\r\n" .. quote .. "]", i)
    if not i then
      return nil
    end
    local c = sub(src, i, i)
    if c == quote then
      return i
    elseif c ~= "\\" then
      return nil
    end
    local two = sub(src, i + 1, i + 2)
    i = i + ((two == "\r\n" or two == "\n\r") and 3 or 2)
  end
end

-- digitsAfter is the end of the digits that follow i.
local function digitsAfter(src, i)
  local _, last = find(src, "^%d*", i + 1)
  return last or i
end

-- number is the end of a number that begins at i, as smtplay's scanner has it, nil where it is
-- none. The scanner takes whatever stands in the place of an exponent's first digit.
local function number(src, i)
  local _, hex = find(src, "^0[xX]%x*", i)
  if hex then
    return hex > i + 1 and hex or nil
  end
  local last = digitsAfter(src, i)
  if sub(src, i, i) ~= "." and sub(src, last + 1, last + 1) == "." then
    last = digitsAfter(src, last + 1)
  end
  local _, exponent = find(src, "^[eE][-+]?", last + 1)
  if not exponent then
    return last
  end
  local two = sub(src, exponent + 1, exponent + 2)
  exponent = exponent + ((two == "\r\n" or two == "\n\r") and 2 or 1)
  return math.min(digitsAfter(src, exponent), #src)
end

-- tokens takes a source apart, without its comments. Each token has its kind, where it begins
-- and its last byte. It is nil where something cannot be read.
local function tokens(src)
  local all, i = {}, 1
  if sub(src, 1, 2) == "#!" then
    i = find(src, "[\r\n]") or #src + 1
  end
  while true do
    i = find(src, "[^ \t\r\n]", i)
    if not i then
      return all
    end
    local c, kind, last = sub(src, i, i), nil, nil
    if find(c, "[A-Za-z_]") then
      _, last = find(src, "^[A-Za-z0-9_]+", i)
      local word = sub(src, i, last)
      kind = keywords[word] and word or "name"
    elseif find(src, "^%.?[0-9]", i) then
      kind, last = "number", number(src, i)
    elseif find(src, "^%-%-", i) then
      if find(src, "^%[[%[=]", i + 2) then
        last = longBracket(src, i + 2)
      else
        last = (find(src, "[\r\n]", i) or #src + 1) - 1
      end
    elseif c == '"' or c == "'" then
      kind, last = "string", quoted(src, i)
    elseif find(src, "^%[[%[=]", i) then
      kind, last = "string", longBracket(src, i)
    else
      for _, operator in ipairs { "...", "..", "==", "~=", "<=", ">=", "::" } do
        if not last and sub(src, i, i + #operator - 1) == operator then
          kind, last = operator, i + #operator - 1
        end
      end
      if not last and find(c, "[-+*/%%^#<>=(){}%[%];:,.]") then
        kind, last = c, i
      end
    end
    if not last then
      return nil
    end
    if kind then
      all[#all + 1] = { kind = kind, first = i, last = last }
    end
    i = last + 1
  end
end

-- afterName is whether token n is a number that follows a name, on the same line, with nothing
-- but blanks between them.
local function afterName(src, toks, n)
  local this, name, before = toks[n], toks[n - 1], toks[n - 2]
  if this.kind ~= "number" or not find(src, "^[0-9]", this.first) then
    return false
  end
  if not name or name.kind ~= "name" or not find(sub(src, name.last + 1, this.first - 1), "^[ \t]+$") then
    return false
  end
  if not before then
    return true
  end
  -- The xx of 4xx is no name.
  if before.kind == "number" and before.last + 1 == name.first then
    return false
  end
  return not declares[before.kind]
end

-- isPattern is whether the source goes on at i with three places of a reply code, an x among
-- them, and then with something else than a name.
local function isPattern(src, i)
  return find(src, "^[2-5][0-9x][0-9x]", i) and find(sub(src, i + 1, i + 2), "x") and not find(src, "^[A-Za-z0-9_]", i + 3)
end

-- isWhole is whether a number is one for Lua 5.1 too.
local function isWhole(src, tok)
  if find(src, "^[A-Za-z0-9_.]", tok.last + 1) then
    return false
  end
  local text = sub(src, tok.first, tok.last)
  if find(text, "^0[xX]%x+$") then
    return true
  end
  local mantissa = text:match("^(.-)[eE][-+]?%d+$") or text
  return find(mantissa, "^%d+%.?%d*$") ~= nil
end

-- literal is the last byte of the reply literal that begins with token n, nil where none does.
local function literal(src, toks, n)
  if not afterName(src, toks, n) then
    return nil
  end
  local tok, follows = toks[n], n + 1
  local last, pattern = tok.last, false
  if isPattern(src, tok.first) then
    last, pattern = tok.first + 2, true
    while toks[follows] and toks[follows].first <= last do
      follows = follows + 1
    end
  elseif not isWhole(src, tok) then
    return nil
  end
  if toks[follows] and continues[toks[follows].kind] then
    return nil
  end
  return last, pattern
end

--- What is to be read otherwise in a text: a list of start, finish and text, in which start and
--- finish are bytes, both included; nil where nothing is. The blank before a literal becomes
--- the parenthesis, so that what stands on its left keeps its column.
function OnSetText(_, src)
  local toks = tokens(src)
  if not toks then
    return nil
  end
  local diffs = {}
  for n in ipairs(toks) do
    local last, pattern = literal(src, toks, n)
    if last then
      local before = toks[n].first - 1
      diffs[#diffs + 1] = { start = before, finish = before, text = pattern and '("' or "(" }
      diffs[#diffs + 1] = { start = last + 1, finish = last, text = pattern and '")' or ")" }
    end
  end
  return #diffs > 0 and diffs or nil
end
