// sink.h: where bytes go.
#pragma once

#include <sluice/mechanism.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

enum class sink_kind : unsigned char { tcp_socket, unix_socket, pipe, regular_file, other };

// A descriptor that bytes are moved into, and what kind it is. Borrowed: the descriptor must stay
// open for as long as the sink is used. For a transfer that must not block, it has to be
// non-blocking (O_NONBLOCK). sendfile(2) and splice(2) raise SIGPIPE when a socket's peer has gone,
// so a program that moves files into sockets ignores that signal.
class sink {
  public:
    // Looks at the descriptor once (fstat, getsockopt).
    [[nodiscard]] static result<sink> of(int fd);
    sink(int fd, sink_kind kind) noexcept : fd_(fd), kind_(kind) {}

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] sink_kind kind() const noexcept { return kind_; }
    [[nodiscard]] bool is_socket() const noexcept {
        return kind_ == sink_kind::tcp_socket || kind_ == sink_kind::unix_socket;
    }
    // Whether the mechanism's table row accepts this kind of sink.
    [[nodiscard]] bool accepts(const mechanism_traits& way) const noexcept;

  private:
    int fd_;
    sink_kind kind_;
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
