// descriptors.h: what a descriptor is, pipes, and the limits on descriptors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <sluice/result.h>
#include <sluice/unique_fd.h>

namespace sluice::sys {

enum class descriptor_kind { regular_file, pipe, tcp_socket, unix_socket, character_device, other };

// fstat(2), and SO_DOMAIN and SO_TYPE for sockets. Only stream sockets count as sockets.
[[nodiscard]] result<descriptor_kind> kind_of(int fd);

// A pipe with both ends non-blocking (pipe2(2)) and as much room as the kernel grants up to `size`
// (F_SETPIPE_SZ; an unprivileged user over fs.pipe-user-pages-soft gets less).
struct pipe_ends {
    unique_fd read_end;
    unique_fd write_end;
    std::size_t capacity = 0;
};
[[nodiscard]] result<pipe_ends> make_pipe(std::size_t size);

[[nodiscard]] result<void> set_nonblocking(int fd);
// How a descriptor was opened (fcntl(2) F_GETFL).
struct open_flags {
    bool nonblocking = false;
    bool appending = false;  // O_APPEND
    bool writable = false;   // O_WRONLY or O_RDWR
};
[[nodiscard]] result<open_flags> flags_of(int fd);
// The descriptor's cursor (lseek(2) SEEK_CUR), and setting it.
[[nodiscard]] result<std::uint64_t> cursor_of(int fd);
[[nodiscard]] result<void> set_cursor(int fd, std::uint64_t position);
// Whether two descriptors are of one file (fstat(2): device and inode).
[[nodiscard]] result<bool> same_file(int one, int other);

// poll(2): waits until the descriptor can be read or written, or has an error or a hang-up, which
// the next call on it then tells. False when `timeout_ms` (-1: none) has passed.
enum class readiness { to_read, to_write };
[[nodiscard]] result<bool> wait_until(int fd, readiness wanted, int timeout_ms);
// Makes a descriptor that another program has opened non-blocking and close-on-exec.
[[nodiscard]] result<void> prepare_inherited(int fd);
// dup(2), close-on-exec.
[[nodiscard]] result<unique_fd> duplicate(int fd);
// getpid(2)
[[nodiscard]] int process_id() noexcept;

// Makes a write to a connection whose peer has gone an error (EPIPE) instead of a signal:
// sendfile(2) and splice(2) have no flag for that, as sendmsg(2) has. For the whole process.
void ignore_broken_pipes() noexcept;

// The number of descriptors that the process has open now (/proc/self/fd).
[[nodiscard]] std::size_t open_descriptors();

// RLIMIT_NOFILE raised to its hard limit; returns the limit in force.
[[nodiscard]] std::size_t raise_descriptor_limit() noexcept;

}  // namespace sluice::sys
