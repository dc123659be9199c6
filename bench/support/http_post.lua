-- Posts 1 KiB of JSON.
local members = {}
for i = 1, 32 do members[i] = string.format('"key%02d":"the value of key %02d.."', i, i) end

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = "{" .. table.concat(members, ",") .. "}"
