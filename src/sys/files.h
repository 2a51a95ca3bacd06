// files.h: opening, looking at and advising on files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include <sluice/result.h>
#include <sluice/unique_fd.h>

namespace sluice::sys {

// How a path is resolved below a directory: the flags of openat2(2).
struct resolve_options {
    bool beneath = true;       // RESOLVE_BENEATH: nothing outside the directory, whatever links say
    bool cached_only = false;  // RESOLVE_CACHED: EAGAIN rather than waiting for the disk
};

// open(2) with O_CLOEXEC.
[[nodiscard]] result<unique_fd> open(const std::string& path, int flags, unsigned mode = 0);
// openat2(2) with O_CLOEXEC and RESOLVE_NO_MAGICLINKS. `mode` is for flags that make a file, and 0
// otherwise.
[[nodiscard]] result<unique_fd> open_at(int directory, const std::string& path, int flags,
                                        resolve_options resolve, unsigned mode = 0);
// fstat(2)
[[nodiscard]] result<struct stat> status(int fd);
// ftruncate(2), which sets the size: cutting, or growing by a hole
[[nodiscard]] result<void> truncate(int fd, std::uint64_t size);

// The names in a directory, without . and .., at most `entries_max` of them (readdir(3) on a copy
// of the descriptor). `complete` tells whether that was all.
struct directory_names {
    std::vector<std::string> names;
    bool complete = true;
};
[[nodiscard]] result<directory_names> names_in(int directory, std::size_t entries_max);

// fstatat(2), following links only when told to.
[[nodiscard]] result<struct stat> status_at(int directory, const std::string& name,
                                            bool follow_links);

// readahead(2): asks the kernel to read a range into the page cache; no copy to user space.
[[nodiscard]] result<void> readahead(int fd, std::uint64_t position, std::size_t size);
// posix_fadvise(2) POSIX_FADV_DONTNEED: drops clean pages of the whole file from the page cache.
[[nodiscard]] result<void> drop_from_page_cache(int fd);

// cachestat(2), since 6.5: the number of pages of the range that are in the page cache. They may
// still be under read: this call does not tell. ENOSYS on older kernels; EPERM without write access
// (since 6.14).
[[nodiscard]] result<std::uint64_t> cached_pages(int fd, std::uint64_t position,
                                                 std::uint64_t size);

}  // namespace sluice::sys
