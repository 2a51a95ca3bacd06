// target.h: from a request target to the path of a file below the root (RFC 9112 section 3.2).
//
// This is the first of two walls before the root; the second is the kernel's (RESOLVE_BENEATH).
// Whatever comes in, a path that leaves here begins with a slash, is UTF-8, and has no empty
// segment, no `.` or
// `..` segment, no backslash, no NUL and no other control byte.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace sluice::http {

struct request_target {
    // Decoded once, dot segments and empty segments removed. Ends with a slash if the target's path
    // did, or if it ended in a dot segment. "*" for the asterisk form, which only OPTIONS may use.
    std::string path = {};
    // What follows the first `?`, as it was sent, save that bytes above 0x7F are percent-encoded:
    // it may go into a Location. Empty without a `?`.
    std::string query = {};
    // Of the absolute form, host and port as sent; it overrules Host. Empty for the other forms.
    std::string authority = {};
};

// Reads an origin-form, absolute-form (http and https) or asterisk-form target. The error is the
// status to answer: 400. The authority form belongs to CONNECT alone, whose method is to be refused
// before. Allocates the strings it returns; time is linear.
[[nodiscard]] std::expected<request_target, int> parse_target(std::string_view raw);

// True if a segment of the path begins with a dot, but for a first segment that is `.well-known`
// (RFC 8615).
[[nodiscard]] bool has_dot_segment_name(std::string_view path) noexcept;

// The path with everything but letters, digits, slashes and a few marks that mean nothing in URIs,
// HTML and header fields percent-encoded. parse_target reads it back. A colon is encoded too, so
// that a name may stand as a relative reference.
[[nodiscard]] std::string encode_path(std::string_view path);

// True if a file of this name can be asked for: parse_target would let the segment through.
[[nodiscard]] bool is_servable_name(std::string_view name) noexcept;

}  // namespace sluice::http
