// field_text.h: the small grammar that header field values share (RFC 9110 section 5.6).
//
// Nothing here allocates: every view points into the field value that was passed in.
#pragma once

#include <string_view>

namespace sluice::http {

[[nodiscard]] constexpr char ascii_lower(char letter) noexcept {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A')) : letter;
}

[[nodiscard]] constexpr bool is_digit(char letter) noexcept {
    return letter >= '0' && letter <= '9';
}

// True when the texts differ at most in the case of ASCII letters.
[[nodiscard]] bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept;

// Without the spaces and tabs at both ends.
[[nodiscard]] std::string_view trim_white_space(std::string_view text) noexcept;

// Cuts the text up to the next `delimiter` off the front of `rest` (the delimiter goes too) and
// returns it, trimmed. Not for lists whose elements may contain quoted delimiters.
[[nodiscard]] std::string_view take_element(std::string_view& rest, char delimiter) noexcept;

}  // namespace sluice::http
