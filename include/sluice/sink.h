// sink.h: where bytes go.
#pragma once

#include <cstdint>
#include <optional>

#include <sluice/file.h>
#include <sluice/mechanism.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

enum class sink_kind : unsigned char {
    tcp_socket,
    unix_socket,
    pipe,
    regular_file,
    character_device,
    other
};

// A descriptor that bytes are moved into, and what kind it is. Borrowed: the descriptor must stay
// open for as long as the sink is used. For a transfer that must not block, it has to be
// non-blocking (O_NONBLOCK). sendfile(2) and splice(2) raise SIGPIPE when a socket's peer has gone,
// so a program that moves files into sockets ignores that signal.
//
// A regular file takes bytes at its cursor (of), which they move on, or at a position (at), with
// which the cursor has nothing to do.
class sink {
  public:
    // Looks at the descriptor once (fstat, getsockopt).
    [[nodiscard]] static result<sink> of(int fd);
    // A regular file from byte `position` on, which may lie behind its end. Refused (EINVAL): what
    // is no regular file, and a file that was opened for appending, which ignores positions, and
    // a position of 2^63 or more; a file that is not open for writing (EBADF). Two calls: fstat,
    // fcntl.
    [[nodiscard]] static result<sink> at(const file& destination, std::uint64_t position);
    // A descriptor whose kind is known. No call.
    sink(int fd, sink_kind kind) noexcept : fd_(fd), kind_(kind) {}

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] sink_kind kind() const noexcept { return kind_; }
    [[nodiscard]] bool is_socket() const noexcept {
        return kind_ == sink_kind::tcp_socket || kind_ == sink_kind::unix_socket;
    }
    // Where the next byte goes; none for what has no positions, and for a file at its cursor.
    [[nodiscard]] std::optional<std::uint64_t> position() const noexcept { return position_; }
    // `count` bytes have gone in: the next go behind them. Without a position, nothing.
    void advance(std::uint64_t count) noexcept {
        if (position_) *position_ += count;
    }
    // Whether the mechanism's table row accepts this kind of sink.
    [[nodiscard]] bool accepts(const mechanism_traits& way) const noexcept;

  private:
    int fd_;
    sink_kind kind_;
    std::optional<std::uint64_t> position_;
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
