// splice(2): the pages that the network (or a pipe) filled are linked into a pipe, and the kernel
// copies from there into the page cache: one copy, within the kernel. A source that is a pipe needs
// no other.
//
// What is in our pipe has left the source and must not be lost: when the file does not take it, it
// is read out of the pipe and goes the other way, or is put aside.
#include <algorithm>
#include <cerrno>

#include <sluice/buffer.h>

#include "transfer/receive_step.h"

namespace sluice::inline v0 {

namespace {

receive_outcome unsupported(const error& failed) {
    return {.state = receive_state::unsupported, .reason = failed.code().value()};
}

result<receive_outcome> splice_source_pipe(receive_request& request) {
    ++request.cost.calls;
    auto moved = sys::splice_to_file(request.to.fd(), request.position, request.from.fd(),
                                     static_cast<std::size_t>(request.limit));
    if (!moved && means_unsupported(moved.error())) return unsupported(moved.error());
    if (!moved) return std::unexpected(std::move(moved).error().on(request.to.name()));
    request.arrived = moved->bytes;
    if (moved->would_block) {
        ++request.cost.would_blocks;
        return receive_outcome{.state = receive_state::would_block};
    }
    return receive_outcome{.state = moved->bytes > 0 ? receive_state::moved
                                                     : receive_state::source_ended};
}

// Reads what is left in the pipe, which stays spoilt until nothing is.
result<buffer> read_out(receive_request& request, std::size_t size) {
    buffer rescued;
    if (auto room = rescued.try_reserve(size); !room) return failure(std::move(room));
    while (size > 0) {
        ++request.cost.calls;
        auto got = sys::read(request.kept.pipe->read_end(), rescued.tailroom().first(size));
        if (!got || got->bytes == 0) {
            return got ? failure(EIO, "read") : failure(std::move(got));
        }
        request.cost.copied_user_kernel += got->bytes;
        rescued.commit(got->bytes);
        size -= got->bytes;
    }
    request.kept.pipe->found_empty();
    return rescued;
}

// The file did not take what is in the pipe.
result<receive_outcome> rescue(receive_request& request, std::size_t size, error reason) {
    auto rescued = read_out(request, size);
    if (!rescued) {
        request.kept.pipe.reset();
        return failure(std::move(rescued));
    }
    if (!means_unsupported(reason)) {
        request.kept.unwritten = std::move(*rescued).freeze();
        return std::unexpected(std::move(reason).on(request.to.name()));
    }
    auto written = write_all(request, rescued->bytes());
    if (!written) return failure(std::move(written));
    return unsupported(reason);
}

result<receive_outcome> empty_pipe(receive_request& request, std::size_t size) {
    while (size > 0) {
        ++request.cost.calls;
        auto moved = sys::splice_to_file(request.to.fd(), request.write_position(),
                                         request.kept.pipe->read_end(), size);
        // Not an outcome for a file that bytes are there for.
        if (moved && moved->bytes == 0) moved = failure(EINVAL, "splice");
        if (!moved) return rescue(request, size, std::move(moved).error());
        request.arrived += moved->bytes;
        size -= moved->bytes;
    }
    request.kept.pipe->found_empty();
    return receive_outcome{};
}

// What one filling of the pipe came to. An error or an end may come after bytes.
struct filling {
    std::size_t bytes = 0;
    receive_state state = receive_state::moved;
    std::optional<error> failed;
};

// One call where the source must not be waited for, else calls until enough has come.
filling fill_pipe(receive_request& request) {
    auto& pipe = *request.kept.pipe;
    auto most = std::min(request.limit, std::uint64_t{pipe.capacity()});
    auto enough = request.wait == sys::receive_wait::for_all
                      ? std::min(most, request.sizes.gathered_size)
                      : 1;
    filling made;
    while (made.bytes < enough) {
        ++request.cost.calls;
        auto moved = sys::splice_to_pipe(pipe.write_end(), request.from.fd(),
                                         static_cast<std::size_t>(most - made.bytes));
        if (!moved) {
            made.failed = std::move(moved).error();
            break;
        }
        made.bytes += moved->bytes;
        if (moved->bytes > 0) {
            pipe.spoil();
            continue;
        }
        made.state = moved->would_block ? receive_state::would_block : receive_state::source_ended;
        break;
    }
    return made;
}

}  // namespace

result<receive_outcome> receive_by_splice(receive_request& request) {
    if (request.from.kind() == source_kind::pipe) return splice_source_pipe(request);
    auto& kept = request.kept;
    if (!kept.pipe) {
        auto taken = pooled_pipe::take();
        if (!taken) return unsupported(taken.error());
        kept.pipe.emplace(*std::move(taken));
    }
    auto filled = fill_pipe(request);
    if (filled.bytes == 0) {
        if (filled.failed && means_unsupported(*filled.failed)) return unsupported(*filled.failed);
        if (filled.failed) return std::unexpected(*std::move(filled.failed));
        request.cost.would_blocks += filled.state == receive_state::would_block;
        return receive_outcome{.state = filled.state};
    }
    auto emptied = empty_pipe(request, filled.bytes);
    // A socket tells of an error only once, so it must not get lost.
    if (emptied && filled.failed) return std::unexpected(*std::move(filled.failed));
    return emptied;
}

}  // namespace sluice::inline v0
