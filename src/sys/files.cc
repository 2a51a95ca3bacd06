#include "sys/files.h"

#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/fault.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20  // since 5.12; Debian 12's headers have it, older ones do not
#endif

namespace sluice::sys {

namespace {

constexpr long cachestat_number = 451;  // the same on every architecture; glibc 2.36 has no wrapper
struct cachestat_range {
    std::uint64_t position;
    std::uint64_t size;
};
struct cachestat_counts {
    std::uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

template <typename Attempt>
auto uninterrupted(Attempt attempt) {
    auto answer = attempt();
    while (answer < 0 && errno == EINTR)
        answer = attempt();
    return answer;
}

}  // namespace

result<unique_fd> open(const std::string& path, int flags, unsigned mode) {
    if (auto injected = fault_for(call::open); injected.error_number != 0)
        return failure(injected.error_number, "open", path);
    int fd = uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
    if (fd < 0) return failure(errno, "open", path);
    return unique_fd(fd);
}

result<unique_fd> open_at(int directory, const std::string& path, int flags,
                          resolve_options resolve, unsigned mode) {
    if (auto injected = fault_for(call::open); injected.error_number != 0)
        return failure(injected.error_number, "openat2", path);
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.mode = mode;
    how.resolve = RESOLVE_NO_MAGICLINKS;
    if (resolve.beneath) how.resolve |= RESOLVE_BENEATH;
    if (resolve.cached_only) how.resolve |= RESOLVE_CACHED;
    int fd = uninterrupted([&] {
        return static_cast<int>(::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how));
    });
    if (fd < 0) return failure(errno, "openat2", path);
    return unique_fd(fd);
}

result<struct stat> status(int fd) {
    if (auto injected = fault_for(call::stat); injected.error_number != 0)
        return failure(injected.error_number, "fstat");
    struct stat found {};
    if (::fstat(fd, &found) != 0) return failure(errno, "fstat");
    return found;
}

result<void> truncate(int fd, std::uint64_t size) {
    if (auto injected = fault_for(call::truncate); injected.error_number != 0)
        return failure(injected.error_number, "ftruncate");
    if (uninterrupted([&] { return ::ftruncate(fd, static_cast<off_t>(size)); }) != 0)
        return failure(errno, "ftruncate");
    return {};
}

result<directory_names> names_in(int directory, std::size_t entries_max) {
    unique_fd own(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!own) return failure(errno, "openat", ".");
    std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(own.get()), ::closedir);
    if (!stream) return failure(errno, "fdopendir");
    (void)own.release();  // the stream owns it now
    directory_names found;
    errno = 0;
    while (auto* entry = ::readdir(stream.get())) {
        std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        if (found.names.size() == entries_max) {
            found.complete = false;
            return found;
        }
        found.names.emplace_back(name);
        errno = 0;
    }
    if (errno != 0) return failure(errno, "readdir");
    return found;
}

result<struct stat> status_at(int directory, const std::string& name, bool follow_links) {
    struct stat found {};
    if (::fstatat(directory, name.c_str(), &found, follow_links ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
        return failure(errno, "fstatat", name);
    return found;
}

result<void> readahead(int fd, std::uint64_t position, std::size_t size) {
    if (auto injected = fault_for(call::readahead); injected.error_number != 0)
        return failure(injected.error_number, "readahead");
    if (::readahead(fd, static_cast<off64_t>(position), size) != 0)
        return failure(errno, "readahead");
    return {};
}

result<void> drop_from_page_cache(int fd) {
    if (int reason = ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); reason != 0)
        return failure(reason, "posix_fadvise");
    return {};
}

result<std::uint64_t> cached_pages(int fd, std::uint64_t position, std::uint64_t size) {
    if (auto injected = fault_for(call::cachestat); injected.error_number != 0)
        return failure(injected.error_number, "cachestat");
    cachestat_range range{position, size};
    cachestat_counts counts{};
    if (::syscall(cachestat_number, fd, &range, &counts, 0) != 0)
        return failure(errno, "cachestat");
    return counts.cached;
}

}  // namespace sluice::sys
