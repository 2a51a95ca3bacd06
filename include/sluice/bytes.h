// bytes.h: borrowed bytes, and the one place where payload is copied.
//
// sluice exists to avoid copies, so the copies that remain are visible: payload goes through
// copy_bytes or copy_small_bytes and nothing else, and both count. A test fails on memcpy anywhere
// else in the tree.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

// How many bytes have been copied in the calling thread since it started.
[[nodiscard]] std::uint64_t bytes_copied_by_thread() noexcept;

namespace detail {
extern constinit thread_local std::uint64_t copied_bytes;

// Sixteen bytes, which compilers keep in one register.
using byte_block = std::array<std::byte, 16>;
inline byte_block load_block(const std::byte* from) noexcept {
    byte_block block;
    std::memcpy(&block, from, sizeof block);
    return block;
}
inline void store_block(std::byte* to, const byte_block& block) noexcept {
    std::memcpy(to, &block, sizeof block);
}
}  // namespace detail

// copy_bytes for places where records of some tens of bytes come by the million: 16 to 64 bytes
// are copied here without a call, in blocks from both ends that overlap in the middle; all else is
// copy_bytes'. The same rules, and the same count.
inline std::size_t copy_small_bytes(writable_bytes to, bytes_view from) noexcept {
    auto size = from.size();
    assert(to.size() >= size);
    if (size < 16 || size > 64) return copy_bytes(to, from);
    // All is loaded before the first store, so that the ranges may overlap.
    const auto* source = from.data();
    auto* target = to.data();
    auto first = detail::load_block(source);
    auto last = detail::load_block(source + size - 16);
    if (size > 32) {
        auto second = detail::load_block(source + 16);
        auto third = detail::load_block(source + size - 32);
        detail::store_block(target + 16, second);
        detail::store_block(target + size - 32, third);
    }
    detail::store_block(target, first);
    detail::store_block(target + size - 16, last);
    detail::copied_bytes += size;
    return size;
}

}  // namespace sluice::inline v0

#pragma GCC visibility pop
