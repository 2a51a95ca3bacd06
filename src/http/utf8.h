// utf8.h: where the code points of a text are, and whether it is UTF-8 at all.
//
// Strict as RFC 3629 asks: overlong forms, surrogates and values above U+10FFFF are not UTF-8. File
// names are bytes to the kernel, so whatever is shown or written as JSON passes through here first.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::http {

// U+FFFD, which stands for every byte that is not part of a code point.
inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

// The size in bytes (1 to 4) of the code point that begins at `position`, which must be inside the
// text; 0 when no valid one begins there.
[[nodiscard]] std::size_t code_point_size(std::string_view text, std::size_t position) noexcept;

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

// True for the bytes that end a line, ring a bell or worse: 0x00 to 0x1F and 0x7F.
[[nodiscard]] constexpr bool is_control(char byte) noexcept {
    return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F;
}

// A copy for people to read: control bytes and bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace sluice::http
