// file_space.h: where a file has blocks and where it has holes, and moving it to the disk.
//
// Positions and sizes beyond what off_t holds are refused by the kernel as negative (EINVAL), but
// for the lock calls; see file_locks.h.
#pragma once

#include <cstdint>
#include <optional>

#include <sluice/result.h>

namespace sluice::sys {

// fallocate(2) with FALLOC_FL_* flags. EOPNOTSUPP where the file system cannot: there is no silent
// writing of zeros instead. It may be interrupted (EINTR) only before it has done anything that
// shows, so it is retried.
[[nodiscard]] result<void> allocate(int fd, int mode, std::uint64_t position, std::uint64_t size);

// lseek(2) SEEK_DATA and SEEK_HOLE: the first byte at or behind `position` that lies in data or in
// a hole. None when there is no more data, or when `position` is not within the file (ENXIO). Moves
// the descriptor's own position.
[[nodiscard]] result<std::optional<std::uint64_t>> next_data(int fd, std::uint64_t position);
[[nodiscard]] result<std::optional<std::uint64_t>> next_hole(int fd, std::uint64_t position);

// fsync(2), fdatasync(2)
[[nodiscard]] result<void> sync_all(int fd);
[[nodiscard]] result<void> sync_data(int fd);
// sync_file_range(2) with SYNC_FILE_RANGE_* flags.
[[nodiscard]] result<void> sync_range(int fd, std::uint64_t position, std::uint64_t size,
                                      unsigned flags);

// posix_fadvise(2) with a POSIX_FADV_* advice; size 0 is all up to the end.
[[nodiscard]] result<void> advise(int fd, std::uint64_t position, std::uint64_t size, int advice);

// What statx(2) STATX_DIOALIGN says (since 6.1), in bytes. Zeros: the file cannot be read or
// written with O_DIRECT. None: the kernel or the file system does not tell.
struct direct_limits {
    std::uint32_t memory = 0;
    std::uint32_t position = 0;
};
[[nodiscard]] result<std::optional<direct_limits>> direct_limits_of(int fd);

}  // namespace sluice::sys
