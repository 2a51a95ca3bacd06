#include "sys/directory_entries.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/files.h"

namespace sluice::sys {

namespace {

// Makes `attempt()`, which gives 0 or sets errno, unless a test makes it fail.
template <typename Attempt>
result<void> carry_out(const char* operation, const std::string& name, Attempt attempt) {
    if (auto injected = fault_for(call::rename); injected.error_number != 0)
        return failure(injected.error_number, operation, name);
    if (attempt() != 0) return failure(errno, operation, name);
    return {};
}

result<unique_fd> create(int directory, const std::string& name, int flags, unsigned mode) {
    if (auto injected = fault_for(call::open); injected.error_number != 0)
        return failure(injected.error_number, "openat", name);
    int fd = -1;
    do {
        fd = ::openat(directory, name.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY | flags, mode);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) return failure(errno, "openat", name);
    return unique_fd(fd);
}

}  // namespace

result<unique_fd> create_named(int directory, const std::string& name, unsigned mode) {
    return create(directory, name, O_CREAT | O_EXCL, mode);
}

result<unique_fd> create_nameless(int directory, unsigned mode) {
    return create(directory, ".", O_TMPFILE, mode);
}

result<void> link_file(int fd, int directory, const std::string& name) {
    auto itself = "/proc/self/fd/" + std::to_string(fd);
    return carry_out("linkat", name, [&] {
        if (::linkat(AT_FDCWD, itself.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0)
            return 0;
        return errno == ENOENT ? ::linkat(fd, "", directory, name.c_str(), AT_EMPTY_PATH) : -1;
    });
}

result<void> rename_in(int directory, const std::string& from, const std::string& to,
                       if_taken taken) {
    unsigned flags = taken == if_taken::fail ? RENAME_NOREPLACE : 0;
    return carry_out("renameat2", to, [&] {
        return ::renameat2(directory, from.c_str(), directory, to.c_str(), flags);
    });
}

result<void> link_in(int directory, const std::string& from, const std::string& to) {
    return carry_out("linkat", to,
                     [&] { return ::linkat(directory, from.c_str(), directory, to.c_str(), 0); });
}

result<void> unlink_in(int directory, const std::string& name) {
    if (::unlinkat(directory, name.c_str(), 0) != 0) return failure(errno, "unlinkat", name);
    return {};
}

result<void> take_after(int fd, const struct stat& example) {
    auto own = status(fd);
    if (!own) return failure(std::move(own));
    bool same_owner = own->st_uid == example.st_uid && own->st_gid == example.st_gid;
    if (!same_owner && ::fchown(fd, example.st_uid, example.st_gid) != 0)
        return failure(errno, "fchown");
    if (::fchmod(fd, example.st_mode & 07777) != 0) return failure(errno, "fchmod");
    return {};
}

}  // namespace sluice::sys
