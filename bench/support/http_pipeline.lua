-- Sends 16 requests at once, and the next 16 when all are answered.
local batch

function init()
  batch = string.rep(wrk.format(), 16)
end

function request()
  return batch
end
