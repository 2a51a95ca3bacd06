// io.h: the calls that move bytes, one thin wrapper each.
//
// EINTR is retried and errno ends here. A would-block is an outcome; a count of zero without
// would-block is the end of the source. Nothing here has an opinion on what to do next. Thread-safe
// as the calls are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/uio.h>

#include <sluice/bytes.h>
#include <sluice/result.h>

namespace sluice::sys {

// What one call moved.
struct moved {
    std::size_t bytes = 0;
    bool would_block = false;

    [[nodiscard]] bool at_end() const noexcept { return bytes == 0 && !would_block; }
};

// read(2), write(2)
[[nodiscard]] result<moved> read(int fd, writable_bytes to);
[[nodiscard]] result<moved> write(int fd, bytes_view from);
// pread(2)
[[nodiscard]] result<moved> pread(int fd, writable_bytes to, std::uint64_t position);
// preadv2(2) with RWF_NOWAIT: would_block when the page is not in the page cache (or not yet read).
[[nodiscard]] result<moved> pread_nowait(int fd, writable_bytes to, std::uint64_t position);
// writev(2): also for pipes and files
[[nodiscard]] result<moved> writev(int fd, std::span<const iovec> parts);

// Whether more bytes follow at once, so that the kernel may wait with a segment that is not full
// (MSG_MORE).
enum class more_follows : bool { no, yes };

// sendmsg(2) on a socket with MSG_NOSIGNAL and MSG_DONTWAIT
[[nodiscard]] result<moved> send(int socket, std::span<const iovec> parts, more_follows more);
// recv(2) with MSG_DONTWAIT
[[nodiscard]] result<moved> receive(int socket, writable_bytes to);

// sendfile(2). `size` is cut to the kernel's limit of 2 GiB less a page.
[[nodiscard]] result<moved> sendfile(int to, int from_file, std::uint64_t position,
                                     std::size_t size);

// splice(2) file → pipe at a position, and pipe → any descriptor; neither blocks on the pipe.
[[nodiscard]] result<moved> splice_from_file(int pipe, int file, std::uint64_t position,
                                             std::size_t size);
[[nodiscard]] result<moved> splice_from_pipe(int to, int pipe, std::size_t size, more_follows more);

}  // namespace sluice::sys
