#include "sys/mapping.h"

#include <cerrno>

#include <sys/mman.h>
#include <unistd.h>

#include "sys/fault.h"

namespace sluice::sys {

std::size_t page_size() noexcept {
    static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

result<bytes_view> map_for_reading(int fd, std::uint64_t position, std::size_t size) {
    if (auto injected = fault_for(call::mmap); injected.error_number != 0)
        return failure(injected.error_number, "mmap");
    void* start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(position));
    if (start == MAP_FAILED) return failure(errno, "mmap");
    return bytes_view(static_cast<const std::byte*>(start), size);
}

void unmap(bytes_view mapping) noexcept {
    if (!mapping.empty()) ::munmap(const_cast<std::byte*>(mapping.data()), mapping.size());
}

}  // namespace sluice::sys
