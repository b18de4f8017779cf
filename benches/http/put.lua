-- wrk script: stores tickets, each under an id of its own.
-- wrk -t2 -c100 -d10s --latency -s benches/http/put.lua http://127.0.0.1:7878
local n = 0
local start = tostring(os.time())

function setup(thread)
  thread:set("number", tostring(math.random(1000000000)))
end

function request()
  n = n + 1
  local id = "load-" .. start .. "-" .. number .. "-" .. n
  local body = '{"subject": "VPN drops ' .. n .. '", "description": "'
    .. string.rep("The connection is lost every few minutes since the update. ", 12) .. '"}'
  return wrk.format("PUT", "/v1/tickets/" .. id, { ["content-type"] = "application/json" }, body)
end
