#include "sys/file_locks.h"

#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <unistd.h>

#include "sys/fault.h"

namespace sluice::sys {

namespace {

short type_of(range_lock kind) {
    if (kind == range_lock::none) return F_UNLCK;
    return kind == range_lock::shared ? F_RDLCK : F_WRLCK;
}

result<void> set(int fd, int command, range_lock kind, std::uint64_t position, std::uint64_t size) {
    if (auto injected = fault_for(call::lock); injected.error_number != 0)
        return failure(injected.error_number, "fcntl");
    constexpr std::uint64_t end_max = std::numeric_limits<off_t>::max();
    if (position > end_max || size > end_max - position) return failure(EOVERFLOW, "fcntl");
    struct flock wanted {};  // l_pid must be 0 for these locks
    wanted.l_type = type_of(kind);
    wanted.l_whence = SEEK_SET;
    wanted.l_start = static_cast<off_t>(position);
    wanted.l_len = static_cast<off_t>(size);
    while (::fcntl(fd, command, &wanted) != 0) {
        if (errno != EINTR) return failure(errno, "fcntl");
    }
    return {};
}

}  // namespace

result<bool> try_lock_range(int fd, range_lock kind, std::uint64_t position, std::uint64_t size) {
    auto done = set(fd, F_OFD_SETLK, kind, position, size);
    if (done) return true;
    if (done.error().is(EAGAIN) || done.error().is(EACCES)) return false;
    return failure(std::move(done));
}

result<void> lock_range(int fd, range_lock kind, std::uint64_t position, std::uint64_t size) {
    return set(fd, F_OFD_SETLKW, kind, position, size);
}

}  // namespace sluice::sys
