// mapping.h: mapping a file into memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sluice/bytes.h>
#include <sluice/result.h>

namespace sluice::sys {

[[nodiscard]] std::size_t page_size() noexcept;

// mmap(2) of a file for reading, shared. `position` must be a multiple of the page size.
[[nodiscard]] result<bytes_view> map_for_reading(int fd, std::uint64_t position, std::size_t size);
// munmap(2) of what map_for_reading gave.
void unmap(bytes_view mapping) noexcept;

}  // namespace sluice::sys
