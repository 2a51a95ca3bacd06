// file_locks.h: locks of byte ranges that belong to an open file (F_OFD_SETLK of fcntl(2)).
#pragma once

#include <cstdint>

#include <sluice/result.h>

namespace sluice::sys {

enum class range_lock { none, shared, exclusive };

// Sets the lock of a range; size 0 is all up to the end, however long the file becomes. False when
// another open file holds a lock that is in the way. A range beyond what off_t holds is EOVERFLOW:
// fcntl(2) would take a negative size for a range that ends at `position`.
[[nodiscard]] result<bool> try_lock_range(int fd, range_lock kind, std::uint64_t position,
                                          std::uint64_t size);
// The same, waiting until nothing is in the way (F_OFD_SETLKW). The kernel finds no deadlocks.
[[nodiscard]] result<void> lock_range(int fd, range_lock kind, std::uint64_t position,
                                      std::uint64_t size);

}  // namespace sluice::sys
