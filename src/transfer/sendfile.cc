// sendfile(2): the kernel hands the pages of the page cache to the socket. No copy between user and
// kernel.
#include "transfer/mechanism_step.h"

namespace sluice::inline v0 {

result<step_outcome> sendfile_step(step_request& request) {
    const auto& source = request.front_file();
    ++request.cost.calls;
    auto moved = sys::sendfile(request.to.fd(), source.fd(), source.position(),
                               static_cast<std::size_t>(request.limit));
    if (!moved) return refusal(std::move(moved).error(), source);
    if (moved->would_block) {
        ++request.cost.would_blocks;
        return step_outcome{.state = step_state::would_block};
    }
    if (moved->at_end()) return step_outcome{.state = step_state::source_truncated};
    return step_outcome{.bytes = moved->bytes};
}

}  // namespace sluice::inline v0
