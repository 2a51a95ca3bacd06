#include "sys/file_space.h"

#include <cerrno>

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/fault.h"

namespace sluice::sys {

namespace {

// Makes `attempt()`, a call that gives 0 or sets errno, until it is not interrupted.
template <typename Attempt>
result<void> carry_out(call made, const char* operation, Attempt attempt) {
    if (auto injected = fault_for(made); injected.error_number != 0)
        return failure(injected.error_number, operation);
    while (attempt() != 0) {
        if (errno != EINTR) return failure(errno, operation);
    }
    return {};
}

result<std::optional<std::uint64_t>> seek(int fd, std::uint64_t position, int whence) {
    auto found = ::lseek(fd, static_cast<off_t>(position), whence);
    if (found >= 0) return std::optional(static_cast<std::uint64_t>(found));
    if (errno == ENXIO) return std::optional<std::uint64_t>();
    return failure(errno, "lseek");
}

}  // namespace

result<void> allocate(int fd, int mode, std::uint64_t position, std::uint64_t size) {
    return carry_out(call::allocate, "fallocate", [&] {
        return ::fallocate(fd, mode, static_cast<off_t>(position), static_cast<off_t>(size));
    });
}

result<std::optional<std::uint64_t>> next_data(int fd, std::uint64_t position) {
    return seek(fd, position, SEEK_DATA);
}

result<std::optional<std::uint64_t>> next_hole(int fd, std::uint64_t position) {
    return seek(fd, position, SEEK_HOLE);
}

result<void> sync_all(int fd) {
    return carry_out(call::sync, "fsync", [&] { return ::fsync(fd); });
}

result<void> sync_data(int fd) {
    return carry_out(call::sync, "fdatasync", [&] { return ::fdatasync(fd); });
}

result<void> sync_range(int fd, std::uint64_t position, std::uint64_t size, unsigned flags) {
    return carry_out(call::sync, "sync_file_range", [&] {
        return ::sync_file_range(fd, static_cast<off64_t>(position), static_cast<off64_t>(size),
                                 flags);
    });
}

result<void> advise(int fd, std::uint64_t position, std::uint64_t size, int advice) {
    auto reason =
        ::posix_fadvise(fd, static_cast<off_t>(position), static_cast<off_t>(size), advice);
    if (reason != 0) return failure(reason, "posix_fadvise");
    return {};
}

result<std::optional<direct_limits>> direct_limits_of(int fd) {
    struct statx found {};
    // By number: the structure of glibc 2.36 does not have these fields, that of the kernel has.
    if (::syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &found) != 0)
        return failure(errno, "statx");
    if ((found.stx_mask & STATX_DIOALIGN) == 0) return std::optional<direct_limits>();
    return std::optional(direct_limits{found.stx_dio_mem_align, found.stx_dio_offset_align});
}

}  // namespace sluice::sys
