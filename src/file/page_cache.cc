#include "file/page_cache.h"

#include <array>
#include <atomic>
#include <cerrno>

#include <fcntl.h>

#include "sys/files.h"
#include "sys/io.h"
#include "sys/mapping.h"

namespace sluice::inline v0 {

namespace {

// cachestat is given up for the whole process once the kernel says that it does not have it.
std::atomic<bool> cachestat_missing{false};

residency probe(int fd, std::uint64_t position) {
    std::byte one{};
    auto got = sys::pread_nowait(fd, {&one, 1}, position);
    if (!got) return got.error().is(EIO) ? residency::cold : residency::unknown;
    return got->would_block ? residency::cold : residency::hot;
}

residency count_pages(const file_region& region) {
    if (cachestat_missing.load(std::memory_order_relaxed)) return residency::unknown;
    auto cached = sys::cached_pages(region.fd(), region.position(), region.size());
    if (!cached) {
        if (cached.error().is(ENOSYS)) cachestat_missing.store(true, std::memory_order_relaxed);
        return residency::unknown;
    }
    auto page = sys::page_size();
    auto first = region.position() / page;
    auto end = (region.position() + region.size() + page - 1) / page;
    return *cached >= end - first ? residency::hot : residency::cold;
}

// /dev/null for writing, opened when first needed and kept. A failure is not kept: descriptors may
// be free again the next time.
result<int> null_device() {
    static std::atomic<int> kept{-1};
    if (int fd = kept.load(std::memory_order_acquire); fd >= 0) return fd;
    auto opened = sys::open("/dev/null", O_WRONLY);
    if (!opened) return failure(std::move(opened));
    int none = -1;
    if (kept.compare_exchange_strong(none, opened->get())) return opened->release();
    return none;  // another thread was faster: its descriptor it is
}

}  // namespace

residency residency_of(const file_region& region) {
    if (region.size() == 0) return residency::hot;
    auto last_byte = region.position() + region.size() - 1;
    if (region.size() <= sys::page_size()) return probe(region.fd(), last_byte);
    auto counted = count_pages(region);
    if (counted == residency::cold) return residency::cold;
    if (counted == residency::unknown) {
        if (auto first = probe(region.fd(), region.position()); first != residency::hot)
            return first;
    }
    return probe(region.fd(), last_byte);
}

result<void> warm(const file_region& region) {
    auto discard = null_device();
    if (!discard) return std::unexpected(std::move(discard).error().on(region.source().name()));
    // Only advice: a file system without readahead still reads below.
    (void)sys::readahead(region.fd(), region.position(), static_cast<std::size_t>(region.size()));
    auto rest = region;
    while (rest.size() > 0) {
        auto moved = sys::sendfile(*discard, rest.fd(), rest.position(),
                                   static_cast<std::size_t>(rest.size()));
        if (!moved) return std::unexpected(std::move(moved).error().on(region.source().name()));
        if (moved->bytes == 0) break;  // the file has shrunk: whoever sends it will see
        rest.trim_front(moved->bytes);
    }
    return {};
}

}  // namespace sluice::inline v0
