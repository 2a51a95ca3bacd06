// bytes.h: borrowed bytes, and the one place where payload is copied.
//
// sluice exists to avoid copies, so the copies that remain are visible: payload goes through
// copy_bytes and nothing else, and copy_bytes counts. A test fails on memcpy anywhere else in the
// tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// Bytes that somebody else owns. A parameter type: never stored beyond the call that got it.
using bytes_view = std::span<const std::byte>;
using writable_bytes = std::span<std::byte>;

// The bytes of a text, and a text over bytes. No copy; the lifetime is the argument's.
[[nodiscard]] inline bytes_view as_bytes(std::string_view text) noexcept {
    return std::as_bytes(std::span(text.data(), text.size()));
}
[[nodiscard]] inline std::string_view as_text(bytes_view bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Copies `from` to the start of `to`, which must be at least as large, and counts the bytes for
// this thread. The ranges may overlap. Returns the number of bytes copied.
std::size_t copy_bytes(writable_bytes to, bytes_view from) noexcept;

// How many bytes copy_bytes has copied in the calling thread since it started.
[[nodiscard]] std::uint64_t bytes_copied_by_thread() noexcept;

}  // namespace sluice::inline v0

#pragma GCC visibility pop
