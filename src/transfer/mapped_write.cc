// mmap(2) and write: the page cache is shared with the process, so one copy is saved. The bytes are
// only ever handed to a system call, so a file that shrinks under the mapping is EFAULT and never
// SIGBUS. The file's size is looked at before each write all the same: behind the end, the last
// page reads as zeros, and EFAULT would take the bytes before the end with it.
#include <algorithm>
#include <cerrno>

#include <sluice/mapped_region.h>

#include "transfer/mechanism_step.h"

namespace sluice::inline v0 {

namespace {

// Mapping costs page faults and address-space work, so a window serves several chunks.
constexpr std::uint64_t window_size = 4 * 1024 * 1024;

bool window_covers(const staging& kept, const file_region& source) {
    const auto& mapped = kept.window_source;
    return mapped && mapped->fd() == source.fd() && source.position() >= mapped->position() &&
           source.position() < mapped->end_position();
}

result<void> map_window(staging& kept, const file_region& source, mechanism_cost& cost) {
    ++cost.calls;
    auto range = source.slice(0, std::min(source.size(), window_size));
    auto mapped = map_for_reading(range);
    if (!mapped) return failure(std::move(mapped));
    kept.window = *std::move(mapped);
    kept.window_source = std::move(range);
    return {};
}

// The mapping could not be read up to `end`: the file has shrunk, or its pages cannot be had.
result<step_outcome> why_unreadable(step_request& request, std::uint64_t end) {
    const auto& source = request.front_file();
    ++request.cost.calls;
    auto file_size = source.source().size();
    if (!file_size) return failure(std::move(file_size));
    if (*file_size <= source.position()) return step_outcome{.state = step_state::source_truncated};
    if (*file_size < end) return step_outcome{};  // the next step takes what is left
    return failure(EIO, "write mapped", source.source().name());
}

}  // namespace

result<step_outcome> mapped_write_step(step_request& request) {
    const auto& source = request.front_file();
    auto& kept = request.kept;
    ++request.cost.calls;
    auto file_size = source.source().size();
    if (!file_size) return failure(std::move(file_size));
    // Files of /proc have no size and cannot be mapped, but can be read: another way finds out.
    if (*file_size == 0 && source.position() == 0)
        return step_outcome{.state = step_state::unsupported, .reason = ENODATA};
    if (*file_size <= source.position()) return step_outcome{.state = step_state::source_truncated};
    if (!window_covers(kept, source)) {
        if (auto mapped = map_window(kept, source, request.cost); !mapped)
            return refusal(std::move(mapped).error(), source);
    }
    auto from = static_cast<std::size_t>(source.position() - kept.window_source->position());
    auto size = static_cast<std::size_t>(
        std::min({request.limit, source.size(), *file_size - source.position(),
                  std::uint64_t{kept.window.size() - from}}));
    iovec part{const_cast<std::byte*>(kept.window.data() + from), size};
    auto moved = write_gathered(request.to, {&part, 1}, request.more_behind(size), request.cost);
    if (!moved) {
        if (!moved.error().is(EFAULT)) return failure(std::move(moved));
        return why_unreadable(request, source.position() + size);
    }
    if (moved->would_block) return step_outcome{.state = step_state::would_block};
    return step_outcome{.bytes = moved->bytes};
}

}  // namespace sluice::inline v0
