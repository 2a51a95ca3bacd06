// file_lock.h: a lock of a range of a file, against other programs and other openings.
//
// Linux's locks of open files (F_OFD_SETLK of fcntl(2)): advisory, so they bind those who lock too;
// by byte range; owned by the open file and not by the process, so that they also work between
// threads, as long as each opens the file for itself. Copies of one `file` are one owner: their
// locks do not exclude each other, and giving one up gives up its range for all of them.
#pragma once

#include <cstdint>
#include <optional>

#include <sluice/file.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// shared: many may hold it, needs a file open for reading. exclusive: one only, needs a file open
// for writing (EBADF).
enum class lock_kind : std::uint8_t { shared, exclusive };

// Bytes from `position` on; size 0 is all up to the end, however long the file becomes.
struct lock_range {
    std::uint64_t position = 0;
    std::uint64_t size = 0;
};

// A lock that is held. Keeps the file open and gives the lock up as it goes; the kernel does that
// too when the process ends. Movable, not copyable; one thread at a time.
class file_lock {
  public:
    // Waits until nothing is in the way. The kernel finds no deadlocks between such locks.
    // EOVERFLOW for a range that ends beyond 2^63 - 1.
    [[nodiscard]] static result<file_lock> acquire(file target, lock_kind kind,
                                                   lock_range range = {});
    // None when another opening of the file holds a lock that is in the way; does not wait.
    [[nodiscard]] static result<std::optional<file_lock>> try_acquire(file target, lock_kind kind,
                                                                      lock_range range = {});

    file_lock(file_lock&& other) noexcept;
    file_lock& operator=(file_lock&& other) noexcept;
    ~file_lock();

    [[nodiscard]] lock_range range() const noexcept { return range_; }
    // Gives the lock up before the object goes. Nothing happens the second time.
    void release() noexcept;

  private:
    file_lock(file target, lock_range range) noexcept : target_(std::move(target)), range_(range) {}

    std::optional<file> target_;  // none when the lock has been given up or moved away
    lock_range range_;
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
