// json_text.h: strings of JSON (RFC 8259 section 7).
#pragma once

#include <string>
#include <string_view>

namespace sluice::http {

// Appends the text as a JSON string with its quotes. Control bytes are escaped; each byte that is
// not UTF-8 becomes U+FFFD, so the output is valid JSON whatever comes in. Time is linear.
void append_json_string(std::string& out, std::string_view text);

}  // namespace sluice::http
