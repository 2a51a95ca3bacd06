-- Prints wrk's totals as one line of JSON behind its own report. It defines `done` alone, so that
-- it costs nothing while requests are under way.
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "bytes": %d, "seconds": %.6f, "failed": %d, ' ..
            '"p50_us": %d, "p99_us": %d}\n',
        summary.requests, summary.bytes, summary.duration / 1e6,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        latency:percentile(50), latency:percentile(99)))
end
