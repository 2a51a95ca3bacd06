// recv(2) or read(2) into memory, then pwrite(2): two copies, over a block that stays in the
// processor's cache. The oracle that the other ways are held to, and the way that always works.
#include <algorithm>

#include "transfer/receive_step.h"

namespace sluice::inline v0 {

result<receive_outcome> receive_by_copy(receive_request& request) {
    auto& kept = request.kept;
    if (!kept.block) kept.block.emplace(bounce_block::take());
    auto room = kept.block->bytes();
    auto wanted = std::min(
        {request.limit, request.sizes.block_size, static_cast<std::uint64_t>(room.size())});
    auto got = read_source(request, room.first(static_cast<std::size_t>(wanted)));
    if (!got) return failure(std::move(got));
    if (got->would_block) return receive_outcome{.state = receive_state::would_block};
    if (got->bytes == 0) return receive_outcome{.state = receive_state::source_ended};
    auto written = write_all(request, room.first(got->bytes));
    if (!written) return failure(std::move(written));
    return receive_outcome{};
}

}  // namespace sluice::inline v0
