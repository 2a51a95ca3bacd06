// access_log.h: the lines of the access log, gathered by one loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sluice/ledger.h>

#include "http/config.h"
#include "http/handler.h"
#include "http/logs.h"

namespace sluice::http {

// What one line says.
struct access_record {
    const request& asked;
    const response& answer;
    std::string_view client;
    const ledger& costs;
    std::int64_t duration_ns = 0;
    std::int64_t unix_seconds = 0;
};

// Appends one line, as docs/serve.md describes the format. What came from the client is escaped, so
// that it can forge no line.
void append_access_line(std::string& out, access_format format, const access_record& record);

// Gathers lines and hands them to the logs' thread in batches. One loop's thread only.
class access_log {
  public:
    explicit access_log(logs& to) : to_(to) {}
    [[nodiscard]] bool wanted() const noexcept { return to_.access_wanted(); }
    void record(const access_record& line);
    // Hands on what has been gathered; called at least every 100 ms.
    void flush();

  private:
    static constexpr std::size_t batch_bytes = 32 * 1024;
    logs& to_;
    std::string batch_;
    std::uint64_t lines_ = 0;
};

}  // namespace sluice::http
