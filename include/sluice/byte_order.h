// byte_order.h: numbers in bytes, in either byte order, and numbers of variable length.
//
//     store_be(to, std::uint32_t{0x01020304})    ▶  01 02 03 04   as network protocols have it
//     store_le(to, std::uint32_t{0x01020304})    ▶  04 03 02 01
//     store_varint(to, 300)                      ▶  ac 02         LEB128, as in Protocol Buffers
//
// Everything here works on memory of the caller's, needs no alignment, allocates nothing and can be
// used in constant expressions. A load or a store is one machine instruction, two if the order is
// not the machine's. Buffers, slices and chains offer the same with their bounds known.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <sluice/bytes.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// What can be loaded and stored: integers, enumerations and floating-point numbers of 1, 2, 4 or 8
// bytes. (bool has values that no byte may be turned into unchecked.)
template <typename T>
concept scalar =
    (std::integral<T> || std::floating_point<T> || std::is_enum_v<T>)&&!std::same_as<T, bool> &&
    (sizeof(T) == 1 || sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8);

namespace detail {
// The unsigned integer as large as T. Swapping the bytes of that is one instruction; g++ 12 makes a
// loop over memory of std::reverse.
template <std::size_t Size>
using unsigned_of_size = std::conditional_t<
    Size == 1, std::uint8_t,
    std::conditional_t<Size == 2, std::uint16_t,
                       std::conditional_t<Size == 4, std::uint32_t, std::uint64_t>>>;

template <typename Bits>
[[nodiscard]] constexpr Bits in_order(Bits bits, std::endian order) noexcept {
    return order == std::endian::native ? bits : std::byteswap(bits);
}
}  // namespace detail

// The value in the `sizeof(T)` bytes at `from`, in the order given: the most significant byte first
// (big endian) or last (little endian).
template <scalar T>
[[nodiscard]] constexpr T load(const std::byte* from, std::endian order) noexcept {
    std::array<std::byte, sizeof(T)> raw;
    if consteval {
        for (std::size_t at = 0; at < sizeof(T); ++at)
            raw[at] = from[at];
    } else {
        // The compiler's own, with a constant size: a register load and no call.
        __builtin_memcpy(raw.data(), from, sizeof(T));
    }
    auto bits = std::bit_cast<detail::unsigned_of_size<sizeof(T)>>(raw);
    return std::bit_cast<T>(detail::in_order(bits, order));
}
template <scalar T>
[[nodiscard]] constexpr T load_be(const std::byte* from) noexcept {
    return load<T>(from, std::endian::big);
}
template <scalar T>
[[nodiscard]] constexpr T load_le(const std::byte* from) noexcept {
    return load<T>(from, std::endian::little);
}

// Writes `value` into the `sizeof(T)` bytes at `to`, in the order given.
template <scalar T>
constexpr void store(std::byte* to, T value, std::endian order) noexcept {
    auto bits = std::bit_cast<detail::unsigned_of_size<sizeof(T)>>(value);
    auto raw = std::bit_cast<std::array<std::byte, sizeof(T)>>(detail::in_order(bits, order));
    if consteval {
        for (std::size_t at = 0; at < sizeof(T); ++at)
            to[at] = raw[at];
    } else {
        __builtin_memcpy(to, raw.data(), sizeof(T));
    }
}
template <scalar T>
constexpr void store_be(std::byte* to, T value) noexcept {
    store(to, value, std::endian::big);
}
template <scalar T>
constexpr void store_le(std::byte* to, T value) noexcept {
    store(to, value, std::endian::little);
}

// Variable length: seven bits in a byte, the low ones first; the high bit says that more follow.
// Numbers below 128 take one byte, the largest ten.
inline constexpr std::size_t varint_size_max = 10;

// How many bytes `value` takes: 1 to 10.
[[nodiscard]] constexpr std::size_t varint_size(std::uint64_t value) noexcept {
    return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

// Writes `value` to `to`, which must have room for varint_size(value) bytes. Returns how many bytes
// that were.
constexpr std::size_t store_varint(std::byte* to, std::uint64_t value) noexcept {
    std::size_t size = 0;
    while (value >= 0x80) {
        to[size++] = static_cast<std::byte>(value | 0x80);
        value >>= 7;
    }
    to[size++] = static_cast<std::byte>(value);
    return size;
}

enum class varint_state : std::uint8_t {
    complete,
    incomplete,  // the bytes end before the number does: more are needed
    malformed,   // more than ten bytes, or more than 64 bits
};

// What stood at the start of some bytes. Of use only when the state is complete: `size` is then how
// many bytes the number took.
struct loaded_varint {
    std::uint64_t value = 0;
    std::size_t size = 0;
    varint_state state = varint_state::incomplete;
};

// Reads the number at the start of `from`, which may be anything: nothing behind its end is
// touched. Needless zero bytes at the number's end are accepted, as other readers do.
[[nodiscard]] constexpr loaded_varint load_varint(bytes_view from) noexcept {
    std::uint64_t value = 0;
    for (std::size_t at = 0; at < from.size(); ++at) {
        auto bits = static_cast<std::uint64_t>(from[at]);
        if (at + 1 == varint_size_max && bits > 1) return {0, 0, varint_state::malformed};
        value |= (bits & 0x7f) << (7 * at);
        if (bits < 0x80) return {value, at + 1, varint_state::complete};
    }
    return {};
}

// Signed numbers as unsigned ones, small for small distances from zero: 0, -1, 1, -2 become 0, 1,
// 2, 3. What "zigzag" means in Protocol Buffers, Avro and Kafka.
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t value) noexcept {
    return static_cast<std::int64_t>((value >> 1) ^ (0 - (value & 1)));
}

}  // namespace sluice::inline v0

#pragma GCC visibility pop
