// size_classes.h: which sizes the blocks of a pool have.
#pragma once

#include <array>
#include <bit>
#include <cstddef>

#include <sluice/buffer_pool.h>

namespace sluice::inline v0::detail {

inline constexpr std::size_t smallest_block_bits = 6;
inline constexpr std::size_t page_bits = 12;

// The index of the smallest class that holds `size` bytes; at most pool_block_size_max.
//
// With w the number of bits of size - 1, the power 2^w holds it; if it is no larger than 3/4 of
// that, the class between does, too. Between 4 KiB and 8 KiB there is none: 6 KiB are no whole
// pages.
[[nodiscard]] constexpr unsigned size_class_of(std::size_t size) noexcept {
    if (size <= (std::size_t{1} << smallest_block_bits)) return 0;
    auto power = static_cast<unsigned>(std::bit_width(size - 1));
    auto steps = 2 * (power - static_cast<unsigned>(smallest_block_bits));
    bool in_between = size <= (std::size_t{3} << (power - 2)) && power != page_bits + 1;
    return steps - (in_between ? 1 : 0) - (power > page_bits ? 1 : 0);
}

// The size of the blocks of each class, in bytes.
inline constexpr auto block_sizes = [] {
    std::array<std::size_t, pool_class_count> sizes{};
    std::size_t at = 0;
    for (auto power = smallest_block_bits; at < sizes.size(); ++power) {
        sizes[at++] = std::size_t{1} << power;
        if (power != page_bits && at < sizes.size()) sizes[at++] = std::size_t{3} << (power - 1);
    }
    return sizes;
}();

static_assert(block_sizes.back() == pool_block_size_max);
static_assert([] {
    for (unsigned at = 0; at < block_sizes.size(); ++at) {
        if (size_class_of(block_sizes[at]) != at) return false;
        if (at > 0 && size_class_of(block_sizes[at - 1] + 1) != at) return false;
    }
    return true;
}());

}  // namespace sluice::inline v0::detail
