-- For wrk: posts one body again and again, and prints the results as one line of JSON.
-- wrk ... -s post.lua URL -- BODY_FILE

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local body = file:read("*a")
  file:close()
  ready = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
end

function request()
  return ready
end

function done(summary, latency)
  local wrong = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "failed": %d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    wrong.connect + wrong.read + wrong.write + wrong.status + wrong.timeout
  ))
end
