// sendmsg(2) or writev(2): all pieces of memory at the front in one call. One copy, from user to
// kernel.
#include <algorithm>

#include "transfer/mechanism_step.h"

namespace sluice::inline v0 {

namespace {
constexpr std::size_t parts_max = 64;  // well below IOV_MAX; longer chains take several calls

// The first `limit` bytes of the exported parts.
chain::exported cut_to(std::span<iovec> parts, std::uint64_t limit) {
    chain::exported left;
    for (auto& part : parts) {
        part.iov_len =
            static_cast<std::size_t>(std::min<std::uint64_t>(part.iov_len, limit - left.bytes));
        if (part.iov_len == 0) break;
        ++left.parts;
        left.bytes += part.iov_len;
    }
    return left;
}

}  // namespace

result<step_outcome> gathered_write_step(step_request& request) {
    iovec parts[parts_max];
    auto exported = request.pieces.export_memory(parts);
    exported = cut_to(std::span(parts).first(exported.parts), request.limit);
    auto moved = write_gathered(request.to, std::span(parts).first(exported.parts),
                                request.more_behind(exported.bytes), request.cost);
    if (!moved) return failure(std::move(moved));
    if (moved->would_block) return step_outcome{.state = step_state::would_block};
    return step_outcome{.bytes = moved->bytes};
}

}  // namespace sluice::inline v0
