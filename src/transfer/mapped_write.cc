// mmap(2) and write: the page cache is shared with the process, so one copy is saved. The bytes are
// only ever handed to a system call, so a file that shrinks under the mapping is EFAULT and never
// SIGBUS.
#include <algorithm>
#include <cerrno>

#include <sluice/mapped_region.h>

#include "transfer/mechanism_step.h"

namespace sluice {

namespace {

// Mapping costs page faults and address-space work, so a window serves several chunks.
constexpr std::uint64_t window_size = 4 * 1024 * 1024;

bool window_covers(const staging& kept, const file_region& source) {
    return kept.window_fd == source.fd() && source.position() >= kept.window_position &&
           source.position() < kept.window_position + kept.window.size();
}

result<void> map_window(staging& kept, const file_region& source, mechanism_cost& cost) {
    ++cost.calls;
    auto mapped = map_for_reading(source.slice(0, std::min(source.size(), window_size)));
    if (!mapped) return failure(std::move(mapped));
    kept.window = *std::move(mapped);
    kept.window_fd = source.fd();
    kept.window_position = source.position();
    return {};
}

}  // namespace

result<step_outcome> mapped_write_step(step_request& request) {
    const auto& source = request.front_file();
    auto& kept = request.kept;
    if (!window_covers(kept, source)) {
        if (auto mapped = map_window(kept, source, request.cost); !mapped)
            return refusal(std::move(mapped).error(), source);
    }
    auto from = static_cast<std::size_t>(source.position() - kept.window_position);
    auto size = static_cast<std::size_t>(
        std::min({request.limit, source.size(), std::uint64_t{kept.window.size() - from}}));
    iovec part{const_cast<std::byte*>(kept.window.data() + from), size};
    auto moved = write_gathered(request.to, {&part, 1}, request.more_behind(size), request.cost);
    if (!moved) {
        if (moved.error().is(EFAULT)) return step_outcome{.state = step_state::source_truncated};
        return failure(std::move(moved));
    }
    if (moved->would_block) return step_outcome{.state = step_state::would_block};
    return step_outcome{.bytes = moved->bytes};
}

}  // namespace sluice
