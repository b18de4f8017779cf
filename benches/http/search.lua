-- wrk script: searches with the queries of a file, one a line, from a random start.
-- wrk -t2 -c16 -d20s --latency -s benches/http/search.lua http://127.0.0.1:7878 -- queries.txt
local queries = {}

local function encoded(text)
  return (text:gsub("[^%w]", function(c) return string.format("%%%02X", string.byte(c)) end))
end

function init(args)
  for line in io.lines(args[1]) do
    queries[#queries + 1] = encoded(line)
  end
  math.randomseed(os.time())
end

function request()
  local q = queries[math.random(#queries)]
  return wrk.format("GET", "/v1/search?q=" .. q)
end
