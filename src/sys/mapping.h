// mapping.h: mapping files into memory, and what can be done to mapped pages.
//
// Ranges of pages are given by their bytes and must start at a page, but for resident pages and
// advice nothing is looked at beyond what the kernel checks. Thread-safe as the calls are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sluice/bytes.h>
#include <sluice/result.h>

namespace sluice::sys {

[[nodiscard]] std::size_t page_size() noexcept;

// What mmap(2) is asked for. `position` must be a multiple of the page size.
struct map_request {
    int fd = -1;
    std::uint64_t position = 0;
    std::size_t size = 0;
    bool writable = false;
    bool shared = true;         // else copy-on-write
    std::byte* over = nullptr;  // takes the place of what is mapped there (MAP_FIXED)
};
[[nodiscard]] result<writable_bytes> map(const map_request& request);
// munmap(2)
void unmap(bytes_view mapping) noexcept;

// mremap(2): the same mapping with another size. `anywhere` allows the kernel to move it.
[[nodiscard]] result<writable_bytes> remap(writable_bytes mapping, std::size_t size, bool anywhere);

// madvise(2) with a MADV_* advice
[[nodiscard]] result<void> advise(bytes_view pages, int advice);
// msync(2) MS_SYNC: waits until the pages are on the disk
[[nodiscard]] result<void> sync_pages(bytes_view pages);
// mlock(2), munlock(2)
[[nodiscard]] result<void> lock_pages(bytes_view pages);
[[nodiscard]] result<void> unlock_pages(bytes_view pages);
// mincore(2): the lowest bit of each element of `present` tells whether that page is in memory.
// `present` must have one element for each page.
[[nodiscard]] result<void> find_resident(bytes_view pages, std::span<unsigned char> present);

// Fresh memory of zeroes (mmap(2), private and anonymous): `size` bytes, aligned to `alignment`,
// both multiples of the page size. Takes no page before it is touched. unmap() ends it.
[[nodiscard]] result<writable_bytes> map_anonymous(std::size_t size, std::size_t alignment);

}  // namespace sluice::sys
