#include "sys/mapping.h"

#include <cassert>
#include <cerrno>
#include <limits>

#include <sys/mman.h>
#include <unistd.h>

#include "sys/fault.h"

namespace sluice::sys {

namespace {

void* start_of(bytes_view pages) noexcept {
    return const_cast<std::byte*>(pages.data());
}

// Makes a call that answers 0 or fails.
template <typename Attempt>
result<void> carry_out(call made, const char* operation, Attempt attempt) {
    if (auto injected = fault_for(made); injected.error_number != 0)
        return failure(injected.error_number, operation);
    if (attempt() != 0) return failure(errno, operation);
    return {};
}

}  // namespace

std::size_t page_size() noexcept {
    static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

result<writable_bytes> map(const map_request& request) {
    if (auto injected = fault_for(call::mmap); injected.error_number != 0)
        return failure(injected.error_number, "mmap");
    int protection = PROT_READ | (request.writable ? PROT_WRITE : 0);
    int flags =
        (request.shared ? MAP_SHARED : MAP_PRIVATE) | (request.over != nullptr ? MAP_FIXED : 0);
    void* start = ::mmap(request.over, request.size, protection, flags, request.fd,
                         static_cast<off_t>(request.position));
    if (start == MAP_FAILED) return failure(errno, "mmap");
    return writable_bytes(static_cast<std::byte*>(start), request.size);
}

void unmap(bytes_view mapping) noexcept {
    if (!mapping.empty()) ::munmap(start_of(mapping), mapping.size());
}

result<writable_bytes> remap(writable_bytes mapping, std::size_t size, bool anywhere) {
    if (auto injected = fault_for(call::mremap); injected.error_number != 0)
        return failure(injected.error_number, "mremap");
    void* start = ::mremap(mapping.data(), mapping.size(), size, anywhere ? MREMAP_MAYMOVE : 0);
    if (start == MAP_FAILED) return failure(errno, "mremap");
    return writable_bytes(static_cast<std::byte*>(start), size);
}

result<void> advise(bytes_view pages, int advice) {
    return carry_out(call::madvise, "madvise",
                     [&] { return ::madvise(start_of(pages), pages.size(), advice); });
}

result<void> sync_pages(bytes_view pages) {
    return carry_out(call::msync, "msync",
                     [&] { return ::msync(start_of(pages), pages.size(), MS_SYNC); });
}

result<void> lock_pages(bytes_view pages) {
    return carry_out(call::mlock, "mlock", [&] { return ::mlock(start_of(pages), pages.size()); });
}

result<void> unlock_pages(bytes_view pages) {
    return carry_out(call::mlock, "munlock",
                     [&] { return ::munlock(start_of(pages), pages.size()); });
}

result<void> find_resident(bytes_view pages, std::span<unsigned char> present) {
    assert(present.size() >= (pages.size() + page_size() - 1) / page_size());
    return carry_out(call::cachestat, "mincore",
                     [&] { return ::mincore(start_of(pages), pages.size(), present.data()); });
}

result<writable_bytes> map_anonymous(std::size_t size, std::size_t alignment) {
    if (auto injected = fault_for(call::mmap); injected.error_number != 0)
        return failure(injected.error_number, "mmap");
    // What is mapped in excess to reach the alignment is given back at both ends.
    auto excess = alignment > page_size() ? alignment - page_size() : 0;
    if (size > std::numeric_limits<std::ptrdiff_t>::max() - excess) return failure(ENOMEM, "mmap");
    void* mapped =
        ::mmap(nullptr, size + excess, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return failure(errno, "mmap");
    auto* start = static_cast<std::byte*>(mapped);
    auto before = (alignment - reinterpret_cast<std::uintptr_t>(start) % alignment) % alignment;
    unmap({start, before});
    unmap({start + before + size, excess - before});
    return writable_bytes(start + before, size);
}

}  // namespace sluice::sys
