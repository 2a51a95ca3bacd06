// splice(2): pages of the file are linked into a pipe and from there into the sink. No copy between
// user and kernel, two calls for a chunk. What is in the pipe when the sink blocks stays there for
// the next step.
#include <algorithm>
#include <cerrno>

#include "transfer/mechanism_step.h"

namespace sluice::inline v0 {

namespace {

// Fills an empty pipe from the front of the file.
result<step_outcome> fill_pipe(step_request& request) {
    const auto& source = request.front_file();
    auto& kept = request.kept;
    if (!kept.pipe) {
        auto taken = pooled_pipe::take();
        if (!taken)
            return step_outcome{.state = step_state::unsupported,
                                .reason = taken.error().code().value()};
        kept.pipe.emplace(*std::move(taken));
    }
    ++request.cost.calls;
    auto size = std::min(request.limit, std::uint64_t{kept.pipe->capacity()});
    auto filled = sys::splice_from_file(kept.pipe->write_end(), source.fd(), source.position(),
                                        static_cast<std::size_t>(size));
    if (!filled) return refusal(std::move(filled).error(), source);
    // The pipe is empty, so it is the file that would block: not its end, and nothing to wait for.
    if (filled->would_block)
        return step_outcome{.state = step_state::unsupported, .reason = EAGAIN};
    if (filled->bytes == 0) return step_outcome{.state = step_state::source_truncated};
    kept.piped_bytes = filled->bytes;
    return step_outcome{};
}

// From the pipe into the sink.
result<sys::moved> empty_pipe(const step_request& request) {
    auto pipe = request.kept.pipe->read_end();
    auto size = static_cast<std::size_t>(request.kept.piped_bytes);
    const auto& to = request.to;
    return to.position() ? sys::splice_to_file(to.fd(), *to.position(), pipe, size)
                         : sys::splice_from_pipe(to.fd(), pipe, size, request.more_behind(size));
}

}  // namespace

result<step_outcome> splice_step(step_request& request) {
    auto& kept = request.kept;
    if (kept.piped_bytes == 0) {
        auto filled = fill_pipe(request);
        if (!filled || filled->state != step_state::moved) return filled;
    }
    ++request.cost.calls;
    auto moved = empty_pipe(request);
    if (!moved) {
        auto source = request.front_file();
        kept.clear();
        return refusal(std::move(moved).error(), source);
    }
    if (moved->would_block) {
        ++request.cost.would_blocks;
        return step_outcome{.state = step_state::would_block};
    }
    kept.piped_bytes -= moved->bytes;
    if (kept.piped_bytes == 0) kept.pipe.reset();
    // Since 6.5 the kernel looks at the pages when they leave the pipe: none left means the file
    // has shrunk.
    if (moved->bytes == 0) {
        kept.clear();
        return step_outcome{.state = step_state::source_truncated};
    }
    return step_outcome{.bytes = moved->bytes};
}

}  // namespace sluice::inline v0
