// refusals.h: which refusals say something about two descriptors, and which only about the moment
// or the place of one transfer.
#pragma once

#include <cerrno>
#include <cstdint>
#include <limits>

namespace sluice::inline v0 {

// off_t is signed.
inline constexpr std::uint64_t file_position_max = std::numeric_limits<std::int64_t>::max();

// So near to the last position that EINVAL may be about that: a call must not reach beyond it.
[[nodiscard]] constexpr bool is_at_limit(std::uint64_t position) noexcept {
    return position > file_position_max - (std::uint64_t{1} << 31);
}

// No descriptors, memory or space just now, a range that could not be read, a descriptor that was
// opened otherwise: another transfer may do better.
[[nodiscard]] constexpr bool concerns_moment(int reason) noexcept {
    switch (reason) {
        case EAGAIN:
        case EBADF:
        case EDQUOT:
        case EFAULT:
        case EFBIG:
        case EIO:
        case EMFILE:
        case ENFILE:
        case ENODATA:
        case ENOMEM:
        case ENOSPC:
            return true;
        default:
            return false;
    }
}

}  // namespace sluice::inline v0
