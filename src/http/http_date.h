// http_date.h: points in time as HTTP and JSON write them.
//
// Times are whole seconds since 1970-01-01T00:00:00Z, and may be negative. Years below 0 and above
// 9999 have no spelling in either format: such times are written as the nearest one that has.
// Neither the locale nor the time zone of the process is looked at. Writing costs some tens of
// nanoseconds.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::http {

// An IMF-fixdate, such as "Sun, 06 Nov 1994 08:49:37 GMT". Not terminated by NUL.
using http_date_text = std::array<char, 29>;

void format_http_date(std::int64_t unix_seconds, http_date_text& out) noexcept;
[[nodiscard]] std::string format_http_date(std::int64_t unix_seconds);

// RFC 3339, such as "1994-11-06T08:49:37Z".
[[nodiscard]] std::string format_rfc3339(std::int64_t unix_seconds);

// Reads any of the three forms of RFC 9110 section 5.6.7: IMF-fixdate, RFC 850 and asctime. Names
// are case-sensitive, as the RFC says; the name of the day must be one but is not checked against
// the date. A year of two digits is taken in the century that puts it at most 50 years after `now`.
[[nodiscard]] std::optional<std::int64_t> parse_http_date(std::string_view text,
                                                          std::int64_t now) noexcept;

// The same with the time of the system's clock, which is read only for a year of two digits.
[[nodiscard]] std::optional<std::int64_t> parse_http_date(std::string_view text) noexcept;

}  // namespace sluice::http
