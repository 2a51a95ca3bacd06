// io.h: the calls that move bytes, one thin wrapper each.
//
// EINTR is retried and errno ends here. A would-block is an outcome; a count of zero without
// would-block is the end of the source. Nothing here has an opinion on what to do next. Thread-safe
// as the calls are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <sys/uio.h>

#include <sluice/bytes.h>
#include <sluice/result.h>

namespace sluice::sys {

// One call moves at most this many bytes (MAX_RW_COUNT of the kernel: 2 GiB less a page) and takes
// lists of at most this many parts (IOV_MAX, which limits.h may leave out).
inline constexpr std::size_t transfer_size_max = 0x7ffff000;
inline constexpr std::size_t parts_max = 1024;

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
// pwrite(2). On a file that was opened for appending it appends, whatever the position (see BUGS
// there): for callers that know that it was not.
[[nodiscard]] result<moved> pwrite(int fd, bytes_view from, std::uint64_t position);
// preadv(2), pwritev(2)
[[nodiscard]] result<moved> preadv(int fd, std::span<const iovec> parts, std::uint64_t position);
[[nodiscard]] result<moved> pwritev(int fd, std::span<const iovec> parts, std::uint64_t position);
// pwritev2(2) with RWF_APPEND: at the end of the file, whatever that is when the kernel has locked
// it. The descriptor's own position, which others may use, stays.
[[nodiscard]] result<moved> append(int fd, std::span<const iovec> parts);
// writev(2): also for pipes and files
[[nodiscard]] result<moved> writev(int fd, std::span<const iovec> parts);

// Whether more bytes follow at once, so that the kernel may wait with a segment that is not full
// (MSG_MORE).
enum class more_follows : bool { no, yes };

// sendmsg(2) on a socket with MSG_NOSIGNAL and MSG_DONTWAIT, and `flags` besides.
[[nodiscard]] result<moved> send(int socket, std::span<const iovec> parts, more_follows more,
                                 int flags = 0);
// Whether a call waits until it has got all that was asked for, or the source has ended, or takes
// what is there.
enum class receive_wait : bool { none, for_all };

// recv(2) with MSG_DONTWAIT, or with MSG_WAITALL (which a non-blocking socket does not heed).
[[nodiscard]] result<moved> receive(int socket, writable_bytes to,
                                    receive_wait wait = receive_wait::none);

// sendfile(2). `size` is cut to the kernel's limit of 2 GiB less a page.
[[nodiscard]] result<moved> sendfile(int to, int from_file, std::uint64_t position,
                                     std::size_t size);

// Where a call writes to a file: at a position, which leaves the descriptor's cursor alone, or
// (none) at the cursor, which moves on.
using write_place = std::optional<std::uint64_t>;

// copy_file_range(2). 0 bytes at the end of the file, and for files of /proc, which have no size.
[[nodiscard]] result<moved> copy_file_range(int to, write_place place, int from_file,
                                            std::uint64_t position, std::size_t size);
// ioctl_ficlonerange(2): both files share the range's blocks from then on. All or nothing;
// positions and size are multiples of the file system's block, but for a size up to the end of
// the source.
[[nodiscard]] result<void> clone_range(int to, std::uint64_t to_position, int from_file,
                                       std::uint64_t position, std::uint64_t size);

// splice(2) file → pipe at a position, and pipe → any descriptor; neither blocks on the pipe.
[[nodiscard]] result<moved> splice_from_file(int pipe, int file, std::uint64_t position,
                                             std::size_t size);
[[nodiscard]] result<moved> splice_from_pipe(int to, int pipe, std::size_t size, more_follows more);
// splice(2) any descriptor without a position (socket, pipe, character device) → pipe. Does not
// block on the pipe; on a socket that is not non-blocking it waits for the first bytes.
[[nodiscard]] result<moved> splice_to_pipe(int pipe, int from, std::size_t size);
// splice(2) pipe → file at a position
[[nodiscard]] result<moved> splice_to_file(int file, std::uint64_t position, int pipe,
                                           std::size_t size);

}  // namespace sluice::sys
