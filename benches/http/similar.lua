-- wrk script: asks for similar tickets with the requests of a file, a JSON body a line, from a random
-- start.
-- wrk -t1 -c2 -d20s --latency -s benches/http/similar.lua http://127.0.0.1:7878 -- requests.ndjson
local requests = {}

function init(args)
  for line in io.lines(args[1]) do
    requests[#requests + 1] = line
  end
  math.randomseed(os.time())
end

function request()
  local headers = { ["content-type"] = "application/json" }
  return wrk.format("POST", "/v1/similar", headers, requests[math.random(#requests)])
end
