// unique_fd.h: an owned file descriptor.
//
// Closes its descriptor when it goes. Movable, not copyable. Not synchronised: one thread at a
// time.
#pragma once

#include <utility>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

class unique_fd {
  public:
    unique_fd() noexcept = default;
    // Takes ownership of `fd`; a negative value owns nothing.
    explicit unique_fd(int fd) noexcept : fd_(fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    ~unique_fd() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

    // Gives the descriptor up without closing it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    // Closes what is owned and takes `fd` instead. Errors of close(2) are not reported: on Linux
    // the descriptor is gone in every case, and what must reach the disk is synced before.
    void reset(int fd = -1) noexcept;

  private:
    int fd_ = -1;
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
