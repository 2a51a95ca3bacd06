// pread(2) and write: two copies. The oracle that the other mechanisms are held to, the way that
// always works, and the cheapest one for a small file, which goes out in one call with the memory
// before it.
#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "transfer/bounce.h"
#include "transfer/mechanism_step.h"

namespace sluice::inline v0 {

namespace {

constexpr std::size_t parts_max = 16;
constexpr std::size_t block_size = 64 * 1024;

// The file piece that is next after the memory in front, if there is one.
const file_region* file_behind(const chain& pieces, std::size_t memory_pieces) {
    auto all = pieces.pieces();
    return memory_pieces < all.size() ? all[memory_pieces].region() : nullptr;
}

}  // namespace

result<step_outcome> read_write_step(step_request& request) {
    std::array<iovec, parts_max + 1> parts;
    auto gathered = request.pieces.export_memory(std::span(parts).first(parts_max));
    auto count = gathered.parts;
    auto bytes = gathered.bytes;
    std::optional<bounce_block> block;
    if (const auto* source = file_behind(request.pieces, count)) {
        block.emplace(bounce_block::take());  // empty again when the step ends
        auto room = block->bytes().first(block_size);
        auto wanted = std::min({request.limit, source->size(), std::uint64_t{room.size()}});
        ++request.cost.calls;
        auto got = sys::pread(source->fd(), room.first(static_cast<std::size_t>(wanted)),
                              source->position());
        if (!got) return std::unexpected(std::move(got).error().on(source->source().name()));
        if (got->would_block) return failure(EAGAIN, "pread", source->source().name());
        request.cost.copied_user_kernel += got->bytes;
        if (got->bytes == 0 && count == 0)
            return step_outcome{.state = step_state::source_truncated};
        if (got->bytes > 0) parts[count++] = {room.data(), got->bytes};
        bytes += got->bytes;
    }
    // What does not go out now is read again in the next step: nothing is kept that could go stale.
    auto moved = write_gathered(request.to, std::span(parts).first(count),
                                request.more_behind(bytes), request.cost);
    if (!moved) return failure(std::move(moved));
    if (moved->would_block) return step_outcome{.state = step_state::would_block};
    return step_outcome{.bytes = moved->bytes};
}

}  // namespace sluice::inline v0
