#include "sys/file_space.h"

#include <fcntl.h>

#include <sluice/file.h>

#include "sys/files.h"

namespace sluice::inline v0 {

namespace {

// The outcome of a call on a descriptor, its error naming the file.
template <typename T>
result<T> named(result<T> outcome, const std::string& name) {
    if (outcome) return outcome;
    return std::unexpected(std::move(outcome).error().on(name));
}

int advice_number(file_advice advice) {
    switch (advice) {
        case file_advice::normal:
            break;
        case file_advice::sequential:
            return POSIX_FADV_SEQUENTIAL;
        case file_advice::random:
            return POSIX_FADV_RANDOM;
        case file_advice::will_need:
            return POSIX_FADV_WILLNEED;
        case file_advice::dont_need:
            return POSIX_FADV_DONTNEED;
        case file_advice::no_reuse:
            return POSIX_FADV_NOREUSE;
    }
    return POSIX_FADV_NORMAL;
}

}  // namespace

result<void> file::truncate(std::uint64_t size) const {
    return named(sys::truncate(fd(), size), name());
}

result<void> file::preallocate(std::uint64_t position, std::uint64_t size,
                               file_size_is kept) const {
    int mode = kept == file_size_is::kept ? FALLOC_FL_KEEP_SIZE : 0;
    return named(sys::allocate(fd(), mode, position, size), name());
}

result<void> file::punch_hole(std::uint64_t position, std::uint64_t size) const {
    int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    return named(sys::allocate(fd(), mode, position, size), name());
}

result<void> file::zero_range(std::uint64_t position, std::uint64_t size) const {
    return named(sys::allocate(fd(), FALLOC_FL_ZERO_RANGE, position, size), name());
}

result<void> file::collapse_range(std::uint64_t position, std::uint64_t size) const {
    return named(sys::allocate(fd(), FALLOC_FL_COLLAPSE_RANGE, position, size), name());
}

result<std::optional<std::uint64_t>> file::next_data(std::uint64_t position) const {
    return named(sys::next_data(fd(), position), name());
}

result<std::optional<std::uint64_t>> file::next_hole(std::uint64_t position) const {
    return named(sys::next_hole(fd(), position), name());
}

result<void> file::sync(sync_scope scope) const {
    auto done = scope == sync_scope::data ? sys::sync_data(fd()) : sys::sync_all(fd());
    return named(std::move(done), name());
}

result<void> file::sync_range(std::uint64_t position, std::uint64_t size, range_sync mode) const {
    unsigned flags = SYNC_FILE_RANGE_WRITE;
    if (mode == range_sync::wait) flags |= SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
    return named(sys::sync_range(fd(), position, size, flags), name());
}

result<void> file::advise(file_advice advice, std::uint64_t position, std::uint64_t size) const {
    return named(sys::advise(fd(), position, size, advice_number(advice)), name());
}

}  // namespace sluice::inline v0
