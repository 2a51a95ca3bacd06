// positional_io.h: reading and writing lists of memory at a position of a file, one call each.
//
// As in io.h: EINTR is retried, errno ends here, and a short count is an outcome. The lists hold at
// most IOV_MAX parts and in sum at most transfer_size_max bytes; the kernel moves no more in one
// call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/uio.h>

#include <sluice/result.h>

namespace sluice::sys {

// MAX_RW_COUNT of the kernel: 2 GiB less a page.
inline constexpr std::size_t transfer_size_max = 0x7ffff000;
// IOV_MAX, which limits.h may leave out.
inline constexpr std::size_t parts_max = 1024;

// preadv(2); 0 is the end of the file.
[[nodiscard]] result<std::size_t> preadv(int fd, std::span<const iovec> parts,
                                         std::uint64_t position);
// pwritev(2)
[[nodiscard]] result<std::size_t> pwritev(int fd, std::span<const iovec> parts,
                                          std::uint64_t position);
// pwritev2(2) with RWF_APPEND: at the end of the file, whatever that is when the kernel has locked
// it.
[[nodiscard]] result<std::size_t> append(int fd, std::span<const iovec> parts);

}  // namespace sluice::sys
