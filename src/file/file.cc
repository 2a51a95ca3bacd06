#include <fcntl.h>

#include <sluice/file.h>
#include <sluice/file_region.h>

#include "sys/file_space.h"
#include "sys/files.h"
#include "sys/mapping.h"

namespace sluice::inline v0 {

namespace {

int flags_of(const open_options& options) {
    int flags = O_NOCTTY;
    if (options.access == file_access::write) flags |= O_WRONLY;
    if (options.access == file_access::read_write) flags |= O_RDWR;
    if (options.create != file_creation::none) flags |= O_CREAT;
    if (options.create == file_creation::must_be_new) flags |= O_EXCL;
    if (options.truncate) flags |= O_TRUNC;
    if (options.append) flags |= O_APPEND;
    if (options.direct) flags |= O_DIRECT;
    if (options.temporary) flags |= O_TMPFILE;
    if (options.no_follow) flags |= O_NOFOLLOW;
    return flags;
}

// openat2(2) refuses a mode that would have no effect.
unsigned mode_of(const open_options& options) {
    bool makes_file = options.create != file_creation::none || options.temporary;
    return makes_file ? options.permissions : 0;
}

// O_RDONLY with O_TRUNC does cut the file on Linux, which is never what a reader means.
bool cuts_what_it_reads(const open_options& options) {
    return options.truncate && options.access == file_access::read;
}

// The kernel gives EAGAIN when a rename anywhere came between its steps on a path with `..`.
result<unique_fd> open_below(int directory, const std::string& path, const open_options& options) {
    constexpr int attempts_max = 32;
    for (int attempt = 1;; ++attempt) {
        auto opened = sys::open_at(directory, path, flags_of(options), {}, mode_of(options));
        if (opened || !opened.error().is(EAGAIN) || attempt == attempts_max) return opened;
    }
}

result<file::alignment> alignment_of(int fd) {
    auto limits = sys::direct_limits_of(fd);
    if (!limits) return failure(std::move(limits));
    if (!*limits) return file::alignment{sys::page_size(), sys::page_size()};
    auto [memory, position] = **limits;
    if (memory == 0 || position == 0) return failure(EOPNOTSUPP, "statx");
    return file::alignment{memory, position};
}

}  // namespace

result<file> file::open(const std::string& path, const open_options& options) {
    if (cuts_what_it_reads(options)) return failure(EINVAL, "open", path);
    auto fd = sys::open(path, flags_of(options), mode_of(options));
    if (!fd) return failure(std::move(fd));
    return finish_open(*std::move(fd), path, options);
}

result<file> file::open_beneath(const file& directory, const std::string& path,
                                const open_options& options) {
    return open_beneath(directory.fd(), path, options);
}

result<file> file::open_beneath(int directory, const std::string& path,
                                const open_options& options) {
    if (cuts_what_it_reads(options)) return failure(EINVAL, "openat2", path);
    auto fd = open_below(directory, path, options);
    if (!fd) return failure(std::move(fd));
    return finish_open(*std::move(fd), path, options);
}

result<file> file::open_directory(const std::string& path) {
    auto fd = sys::open(path, O_RDONLY | O_DIRECTORY);
    if (!fd) return failure(std::move(fd));
    return file(*std::move(fd), path);
}

file::file(unique_fd owned, std::string name)
    : file(opened{.fd = std::move(owned), .name = std::move(name)}) {}

result<file> file::finish_open(unique_fd fd, std::string name, const open_options& options) {
    opened made{.fd = std::move(fd), .name = std::move(name), .append = options.append};
    if (options.direct) {
        auto wanted = alignment_of(made.fd.get());
        if (!wanted) return std::unexpected(std::move(wanted).error().on(made.name));
        made.direct = *wanted;
    }
    return file(std::move(made));
}

result<file::alignment> file::direct_alignment() const {
    auto found = alignment_of(fd());
    if (!found) return std::unexpected(std::move(found).error().on(name()));
    return found;
}

result<std::uint64_t> file::size() const {
    auto status = sys::status(fd());
    if (!status) return std::unexpected(std::move(status).error().on(name()));
    return static_cast<std::uint64_t>(status->st_size);
}

file_region file::region(std::uint64_t position, std::uint64_t size) const noexcept {
    return {*this, position, size};
}

}  // namespace sluice::inline v0
