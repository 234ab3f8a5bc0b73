-- Sends the requests of a file one after the other and over again; in each, @@@@@@@@@@@@ becomes a number that was not there before.
local requests, place, sent, delay_ms = {}, 0, 0, tonumber(os.getenv("NEXTBEST_BENCH_DELAY") or "0")
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  local file = assert(io.open(os.getenv("NEXTBEST_BENCH_REQUESTS"), "rb"))
  for length in file:lines() do
    requests[#requests + 1] = file:read(tonumber(length))
  end
  file:close()
  place = tonumber(os.getenv("NEXTBEST_BENCH_START") or "0")
  sent = tonumber(os.getenv("NEXTBEST_BENCH_FIRST") or "0")
end

function request()
  place = place % #requests + 1
  sent = sent + 1
  return (requests[place]:gsub("@@@@@@@@@@@@", string.format("%012d", sent)))
end

if delay_ms > 0 then
  function delay()
    return math.random(0, 2 * delay_ms)
  end
end

function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format(
    'NEXTBEST {"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
end
