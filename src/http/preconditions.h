// preconditions.h: conditional requests (RFC 9110 section 13).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::http {

// What the server knows about the file that would be sent. Times are Unix seconds.
struct validators {
    std::string_view etag;  // strong, with its quotes
    std::int64_t last_modified = 0;
    std::int64_t now = 0;
};

// The values of the request's fields; nothing where the field is absent. A field that came in
// several lines is joined by commas first.
struct conditional_fields {
    std::optional<std::string_view> if_match = {};
    std::optional<std::string_view> if_none_match = {};
    std::optional<std::string_view> if_modified_since = {};
    std::optional<std::string_view> if_unmodified_since = {};
    std::optional<std::string_view> if_range = {};
};

// proceed: do what was asked; not_modified: 304; failed: 412.
enum class precondition { proceed, not_modified, failed };

// Evaluates all but If-Range in the order of section 13.2.2, for a file that exists. A date that is
// not valid is as if it were absent.
[[nodiscard]] precondition evaluate(const conditional_fields& fields, const validators& file,
                                    bool get_or_head) noexcept;

// Whether a Range that came with this If-Range may be answered in part (section 13.1.5); if not,
// the whole file is sent. Tags compare strongly. A date must be that of the file, which must have
// been at rest for a second: within one second it could have changed again under the same date.
[[nodiscard]] bool if_range_holds(std::string_view if_range, const validators& file) noexcept;

}  // namespace sluice::http
