#include "sys/positional_io.h"

#include <algorithm>
#include <cerrno>

#include "sys/fault.h"

namespace sluice::sys {

namespace {

// These calls have no byte limit of their own, so a test forces a short one by cutting the list.
std::span<iovec> cut_to(std::span<const iovec> parts, std::size_t size, std::span<iovec> scratch) {
    std::size_t count = 0;
    for (const auto& part : parts.first(std::min(parts.size(), scratch.size()))) {
        if (size == 0) break;
        scratch[count] = {part.iov_base, std::min(part.iov_len, size)};
        size -= scratch[count++].iov_len;
    }
    return scratch.first(count);
}

// Makes `attempt(parts)` until it is not interrupted.
template <typename Attempt>
result<std::size_t> carry_out(call made, const char* operation, std::span<const iovec> parts,
                              Attempt attempt) {
    auto injected = fault_for(made);
    if (injected.error_number != 0) return failure(injected.error_number, operation);
    iovec scratch[64];
    if (injected.size_max < transfer_size_max) parts = cut_to(parts, injected.size_max, scratch);
    ssize_t count = -1;
    do {
        count = attempt(parts.data(), static_cast<int>(parts.size()));
    } while (count < 0 && errno == EINTR);
    if (count < 0) return failure(errno, operation);
    return static_cast<std::size_t>(count);
}

}  // namespace

result<std::size_t> preadv(int fd, std::span<const iovec> parts, std::uint64_t position) {
    return carry_out(call::pread, "preadv", parts, [&](const iovec* list, int count) {
        return ::preadv(fd, list, count, static_cast<off_t>(position));
    });
}

result<std::size_t> pwritev(int fd, std::span<const iovec> parts, std::uint64_t position) {
    return carry_out(call::pwrite, "pwritev", parts, [&](const iovec* list, int count) {
        return ::pwritev(fd, list, count, static_cast<off_t>(position));
    });
}

result<std::size_t> append(int fd, std::span<const iovec> parts) {
    return carry_out(call::pwrite, "pwritev2", parts, [&](const iovec* list, int count) {
        // Position 0 and not -1: the descriptor's own position, which others may use, stays.
        return ::pwritev2(fd, list, count, 0, RWF_APPEND);
    });
}

}  // namespace sluice::sys
