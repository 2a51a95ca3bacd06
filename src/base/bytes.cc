#include <cassert>
#include <cstring>

#include <sluice/bytes.h>

namespace sluice::inline v0 {

namespace detail {
constinit thread_local std::uint64_t copied_bytes = 0;
}

std::size_t copy_bytes(writable_bytes to, bytes_view from) noexcept {
    assert(to.size() >= from.size());
    if (!from.empty()) std::memmove(to.data(), from.data(), from.size());
    detail::copied_bytes += from.size();
    return from.size();
}

std::uint64_t bytes_copied_by_thread() noexcept {
    return detail::copied_bytes;
}

}  // namespace sluice::inline v0
