#include "sys/descriptors.h"

#include <cerrno>
#include <csignal>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"

namespace sluice::inline v0 {

void unique_fd::reset(int fd) noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
}

}  // namespace sluice::inline v0

namespace sluice::sys {

namespace {

int socket_option(int fd, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

descriptor_kind socket_kind(int fd) {
    if (socket_option(fd, SO_TYPE) != SOCK_STREAM) return descriptor_kind::other;
    switch (socket_option(fd, SO_DOMAIN)) {
        case AF_INET:
        case AF_INET6:
            return descriptor_kind::tcp_socket;
        case AF_UNIX:
            return descriptor_kind::unix_socket;
        default:
            return descriptor_kind::other;
    }
}

}  // namespace

result<descriptor_kind> kind_of(int fd) {
    struct stat found {};
    if (::fstat(fd, &found) != 0) return failure(errno, "fstat");
    if (S_ISSOCK(found.st_mode)) return socket_kind(fd);
    if (S_ISFIFO(found.st_mode)) return descriptor_kind::pipe;
    if (S_ISREG(found.st_mode)) return descriptor_kind::regular_file;
    if (S_ISCHR(found.st_mode)) return descriptor_kind::character_device;
    return descriptor_kind::other;
}

result<pipe_ends> make_pipe(std::size_t size) {
    if (auto injected = fault_for(call::pipe); injected.error_number != 0)
        return failure(injected.error_number, "pipe2");
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return failure(errno, "pipe2");
    pipe_ends made{unique_fd(ends[0]), unique_fd(ends[1]), 0};
    int granted = ::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(size));
    if (granted < 0) granted = ::fcntl(ends[1], F_GETPIPE_SZ);
    if (granted < 0) return failure(errno, "fcntl F_GETPIPE_SZ");
    made.capacity = static_cast<std::size_t>(granted);
    return made;
}

result<void> set_nonblocking(int fd) {
    int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return failure(errno, "fcntl");
    return {};
}

result<open_flags> flags_of(int fd) {
    int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0) return failure(errno, "fcntl F_GETFL");
    return open_flags{.nonblocking = (flags & O_NONBLOCK) != 0,
                      .appending = (flags & O_APPEND) != 0,
                      .writable = (flags & O_ACCMODE) != O_RDONLY};
}

result<std::uint64_t> cursor_of(int fd) {
    auto position = ::lseek(fd, 0, SEEK_CUR);
    if (position < 0) return failure(errno, "lseek");
    return static_cast<std::uint64_t>(position);
}

result<void> set_cursor(int fd, std::uint64_t position) {
    if (::lseek(fd, static_cast<off_t>(position), SEEK_SET) < 0) return failure(errno, "lseek");
    return {};
}

result<bool> same_file(int one, int other) {
    struct stat first {};
    struct stat second {};
    if (::fstat(one, &first) != 0 || ::fstat(other, &second) != 0) return failure(errno, "fstat");
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

result<bool> wait_until(int fd, readiness wanted, int timeout_ms) {
    short events = wanted == readiness::to_read ? POLLIN : POLLOUT;
    pollfd waiting{.fd = fd, .events = events, .revents = 0};
    int count;
    do {
        count = ::poll(&waiting, 1, timeout_ms);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return failure(errno, "poll");
    return count > 0;
}

result<void> prepare_inherited(int fd) {
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return failure(errno, "fcntl");
    return set_nonblocking(fd);
}

result<unique_fd> duplicate(int fd) {
    unique_fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) return failure(errno, "dup");
    return copy;
}

int process_id() noexcept {
    return ::getpid();
}

void ignore_broken_pipes() noexcept {
    ::signal(SIGPIPE, SIG_IGN);
}

std::size_t open_descriptors() {
    std::unique_ptr<DIR, int (*)(DIR*)> listed(::opendir("/proc/self/fd"), ::closedir);
    if (!listed) return 0;
    std::size_t count = 0;
    while (const auto* entry = ::readdir(listed.get()))
        count += entry->d_name[0] != '.';
    return count - 1;  // the directory itself was one of them
}

std::size_t raise_descriptor_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace sluice::sys
