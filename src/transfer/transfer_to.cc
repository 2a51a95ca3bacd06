// From a range of a file: a transfer (transfer.h) that is stepped to its end, waiting for the sink
// where the sink's owner would have waited too.
#include <algorithm>
#include <cerrno>

#include <sluice/file_transfer.h>
#include <sluice/transfer.h>

#include "sys/descriptors.h"
#include "sys/files.h"
#include "sys/io.h"
#include "transfer/bounce.h"
#include "transfer/pipe_pool.h"
#include "transfer/process_costs.h"
#include "transfer/refusals.h"

namespace sluice::inline v0 {

namespace {

send_report failed_at_once(error reason) {
    send_report made;
    made.state = transfer_state::failed;
    made.failed = std::move(reason);
    return made;
}

// Where the sink's next byte goes, for a file.
result<std::uint64_t> place_of(const sink& to) {
    if (to.position()) return *to.position();
    auto flags = sys::flags_of(to.fd());
    if (!flags) return failure(std::move(flags));
    if (!flags->appending) return sys::cursor_of(to.fd());
    auto found = sys::status(to.fd());
    if (!found) return failure(std::move(found));
    return static_cast<std::uint64_t>(found->st_size);
}

// Bytes that a transfer has just written must not be what it reads next.
result<void> refuse_overlap(const file_region& from, const sink& to) {
    if (to.kind() != sink_kind::regular_file) return {};
    auto same = sys::same_file(from.fd(), to.fd());
    if (!same) return failure(std::move(same));
    if (!*same) return {};
    auto place = place_of(to);
    if (!place) return failure(std::move(place));
    auto apart = std::max(from.position(), *place) - std::min(from.position(), *place);
    if (apart < from.size())
        return failure(EINVAL, "transfer to overlapping range", from.source().name());
    return {};
}

// A refusal that the next transfer between the same two descriptors would meet again. Sharing
// blocks depends on where they lie, and a file's size may be known later.
bool is_lasting(const fallback& taken, bool at_limit) {
    bool about_place = taken.reason == EINVAL && (taken.from == mechanism::reflink || at_limit);
    return !concerns_moment(taken.reason) && !about_place;
}

void remember(const ledger& costs, bool at_limit, refused_ways* kept) {
    if (kept == nullptr) return;
    for (const auto& taken : costs.fallbacks()) {
        if (!is_lasting(taken, at_limit)) continue;
        kept->sending.insert(taken.from);
        kept->sending_reason[static_cast<std::size_t>(taken.from)] = taken.reason;
    }
}

// True when the sink can take more by now; false when its owner does not want to wait.
result<bool> wait_for(const sink& to) {
    auto flags = sys::flags_of(to.fd());
    if (!flags) return failure(std::move(flags));
    if (flags->nonblocking) return false;
    return sys::wait_until(to.fd(), sys::readiness::to_write, -1);
}

// A pipe that the kernel gave less room (fs.pipe-user-pages-soft) would move less at a time, not
// more. The pipe goes back to the thread's pool and is taken again.
bool has_large_pipe() {
    auto pipe = pooled_pipe::take();
    return pipe && pipe->capacity() >= 512 * 1024;
}

transfer_options options_for(const file_region& from, const sink& to,
                             const file_transfer_options& options) {
    transfer_options wanted{.sizes = options.sizes, .forced = options.forced};
    wanted.sizes.chunk_size = options.call_size;
    wanted.check_residency = false;
    if (options.remembered != nullptr) wanted.avoided = options.remembered->sending;
    bool large = to.is_socket() && from.size() >= wanted.sizes.spliced_file_min;
    if (large && !has_large_pipe()) wanted.sizes.spliced_file_min = profile::never;
    return wanted;
}

// Steps until there is nothing left to do or to wait for.
result<transfer_state> carry_out(transfer& out, const sink& to) {
    while (true) {
        auto moved = out.step();
        if (!moved) return failure(std::move(moved));
        switch (moved->state) {
            case progress_state::done:
                return transfer_state::done;
            case progress_state::source_truncated:
                return transfer_state::source_ended;
            case progress_state::would_block: {
                auto ready = wait_for(to);
                if (!ready) return failure(std::move(ready));
                if (!*ready) return transfer_state::would_block;
                break;
            }
            case progress_state::more:
            case progress_state::cold:
                break;  // without a budget and a check there are neither
        }
    }
}

}  // namespace

send_report transfer_to(const file_region& from, sink to, const file_transfer_options& options) {
    if (auto apart = refuse_overlap(from, to); !apart)
        return failed_at_once(std::move(apart).error());
    transfer out(to, options_for(from, to, options));
    out.pieces().append(from);

    auto state = carry_out(out, to);

    send_report made;
    made.costs = out.costs();
    made.bytes = made.costs.total().bytes;
    made.way = made.costs.foremost();
    bool at_limit = is_at_limit(from.position()) || (to.position() && is_at_limit(*to.position()));
    remember(made.costs, at_limit, options.remembered);
    made.state = state ? *state : transfer_state::failed;
    if (!state) made.failed = std::move(state).error();
    return made;
}

namespace {

// One block of the region into the callback; the state that ends the transfer, if one does.
result<std::optional<transfer_state>> hand_over(const file_region& left, byte_taker to,
                                                writable_bytes room, mechanism_cost& cost) {
    auto wanted = std::min(left.size(), static_cast<std::uint64_t>(room.size()));
    ++cost.calls;
    auto got = sys::pread(left.fd(), room.first(static_cast<std::size_t>(wanted)), left.position());
    if (!got) return std::unexpected(std::move(got).error().on(left.source().name()));
    if (got->would_block) return failure(EAGAIN, "pread", left.source().name());
    if (got->bytes == 0) return transfer_state::source_ended;
    cost.copied_user_kernel += got->bytes;
    auto taken = to(room.first(got->bytes));
    if (!taken) return failure(std::move(taken));
    if (*taken > got->bytes) return failure(EINVAL, "take", "more than there was");
    cost.bytes += *taken;
    if (*taken < got->bytes) return transfer_state::would_block;
    return std::nullopt;
}

}  // namespace

send_report transfer_to(const file_region& from, byte_taker to,
                        const file_transfer_options& options) {
    send_report made;
    auto block = bounce_block::take();
    auto room = block.bytes().first(std::min<std::size_t>(
        block.bytes().size(), static_cast<std::size_t>(options.receive_sizes.block_size)));
    auto& cost = made.costs.of(mechanism::read_write);
    auto left = from;
    while (left.size() > 0) {
        auto ended = hand_over(left, to, room, cost);
        left.trim_front(cost.bytes - made.bytes);
        made.bytes = cost.bytes;
        if (ended && !*ended) continue;
        made.state = ended ? **ended : transfer_state::failed;
        if (!ended) made.failed = std::move(ended).error();
        break;
    }
    book(mechanism::read_write, cost);
    return made;
}

send_report transfer_from(const file_region& from, const file& to, std::uint64_t position,
                          const file_transfer_options& options) {
    auto place = sink::at(to, position);
    if (!place) return failed_at_once(std::move(place).error());
    return transfer_to(from, *place, options);
}

}  // namespace sluice::inline v0
