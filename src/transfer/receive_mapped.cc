// recv(2) or read(2) straight into a mapping of the file: one copy. The file is given space for a
// window first, so that a full disk shows before bytes have left the source; what the window made
// too much is cut off at the end.
//
// Each page of the window costs a fault and is zeroed before it is overwritten, so splice(2) wins
// on the file systems measured (docs/decisions/0017-transfers-by-measurement.md): only on demand.
#include <algorithm>
#include <cerrno>

#include "transfer/receive_step.h"

namespace sluice::inline v0 {

namespace {

constexpr std::uint64_t window_size = 8 * 1024 * 1024;

bool covers(const std::optional<receive_window>& window, std::uint64_t position) {
    return window && position >= window->position && position < window->end_position();
}

result<void> open_window(receive_request& request) {
    auto& kept = request.kept;
    if (auto closed = close_window(kept, request.to, request.position); !closed) return closed;
    request.cost.calls += 4;  // fstat, fallocate, mmap, madvise
    auto size = request.to.size();
    if (!size) return failure(std::move(size));
    auto range = request.to.region(request.position, std::min(request.limit, window_size));
    auto mapped = mapped_region::map(
        range, {.mode = mapping_mode::read_write, .extend = true, .populate = true});
    if (!mapped) return failure(std::move(mapped));
    kept.window = receive_window{
        .mapped = *std::move(mapped), .position = request.position, .file_size = *size};
    return {};
}

}  // namespace

result<void> close_window(receive_staging& kept, const file& to, std::uint64_t end_position) {
    if (!kept.window) return {};
    auto end = std::max(end_position, kept.window->file_size);
    bool too_long = end < kept.window->end_position();
    kept.window.reset();
    return too_long ? to.truncate(end) : result<void>();
}

result<receive_outcome> receive_by_mapping(receive_request& request) {
    auto& window = request.kept.window;
    if (!covers(window, request.position)) {
        auto opened = open_window(request);
        // Whatever it is (not open for reading, no space, no such file system): writing can do
        // more, or says it exactly.
        if (!opened)
            return receive_outcome{.state = receive_state::unsupported,
                                   .reason = opened.error().code().value()};
    }
    auto from = static_cast<std::size_t>(request.position - window->position);
    auto room = window->mapped.writable().subspan(from);
    auto wanted = std::min(request.limit, static_cast<std::uint64_t>(room.size()));
    auto got = read_source(request, room.first(static_cast<std::size_t>(wanted)));
    // The file was cut under the mapping: the source still has its bytes.
    if (!got && got.error().is(EFAULT))
        return receive_outcome{.state = receive_state::unsupported, .reason = EFAULT};
    if (!got) return failure(std::move(got));
    if (got->would_block) return receive_outcome{.state = receive_state::would_block};
    if (got->bytes == 0) return receive_outcome{.state = receive_state::source_ended};
    request.arrived = got->bytes;
    return receive_outcome{};
}

}  // namespace sluice::inline v0
