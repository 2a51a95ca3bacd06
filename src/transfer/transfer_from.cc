// Into a file: a way is chosen for what is left, stepped, and given up for the next one where it
// does not work.
#include <algorithm>
#include <cerrno>

#include <sluice/file_transfer.h>

#include "sys/descriptors.h"
#include "transfer/receive_step.h"
#include "transfer/refusals.h"

namespace sluice::inline v0 {

namespace {

constexpr std::string_view state_texts[] = {"done", "would block", "source ended", "failed"};

// A file whose descriptor ignores positions, or which has no such position, cannot be written to
// there. Said before anything has left the source, and before a way gets the blame.
result<void> refuse_unfit(const file& to, std::uint64_t position) {
    auto flags = sys::flags_of(to.fd());
    if (!flags) return std::unexpected(std::move(flags).error().on(to.name()));
    if (!flags->writable) return failure(EBADF, "write at a position", to.name());
    if (flags->appending || position > file_position_max)
        return failure(EINVAL, "write at a position", to.name());
    return {};
}

// Bytes that a transfer has just written must not be what it reads next.
result<void> refuse_overlap(const byte_source& from, const file& to, std::uint64_t position,
                            std::uint64_t count) {
    if (from.kind() != source_kind::regular_file) return {};
    auto same = sys::same_file(from.fd(), to.fd());
    if (!same) return failure(std::move(same));
    if (!*same) return {};
    auto place = sys::cursor_of(from.fd());
    if (!place) return failure(std::move(place));
    auto apart = std::max(*place, position) - std::min(*place, position);
    if (apart < count) return failure(EINVAL, "transfer to overlapping range", to.name());
    return {};
}

class receiving {
  public:
    receiving(const byte_source& from, const file& to, std::uint64_t position, std::uint64_t count,
              const file_transfer_options& options)
        : from_(from), to_(to), position_(position), left_(count), options_(options) {
        if (options.remembered != nullptr) given_up_ = options.remembered->receiving;
    }

    receive_report run();

  private:
    [[nodiscard]] receive_way next_way() const noexcept;
    [[nodiscard]] bool works(receive_way way) const noexcept {
        return from_.accepts(traits_of(way)) && !given_up_.contains(way);
    }
    result<transfer_state> carry_out();
    result<receive_outcome> step();
    void give_up(receive_way way, int reason);

    const byte_source& from_;
    const file& to_;
    std::uint64_t position_;
    std::uint64_t left_;
    const file_transfer_options& options_;
    bool nonblocking_ = false;
    receive_way way_ = receive_way::read_write;
    receive_way_set given_up_;
    receive_staging kept_;
    receive_report made_;
};

// Forced, or by what was measured (docs/mechanisms.md). A device has no pages to hand over.
receive_way receiving::next_way() const noexcept {
    auto forced = options_.forced_receive;
    if (forced && works(*forced)) return *forced;
    bool has_pages = from_.kind() != source_kind::character_device;
    bool large = from_.kind() == source_kind::pipe || left_ >= options_.receive_sizes.spliced_min;
    if (has_pages && large && works(receive_way::splice)) return receive_way::splice;
    return receive_way::read_write;
}

void receiving::give_up(receive_way way, int reason) {
    given_up_.insert(way);
    made_.costs.record({way, next_way(), reason});
    bool lasting = !concerns_moment(reason) && !(reason == EINVAL && is_at_limit(position_));
    if (options_.remembered == nullptr || !lasting) return;
    options_.remembered->receiving.insert(way);
    options_.remembered->receiving_reason[static_cast<std::size_t>(way)] = reason;
}

result<receive_outcome> receiving::step() {
    mechanism_cost spent;
    receive_request request{
        .from = from_,
        .to = to_,
        .position = position_,
        .limit = left_,
        .wait = nonblocking_ ? sys::receive_wait::none : sys::receive_wait::for_all,
        .sizes = options_.receive_sizes,
        .kept = kept_,
        .cost = spent};
    auto outcome = step_of(way_)(request);
    spent.bytes = request.arrived;
    made_.costs.of(way_) += spent;
    made_.bytes += request.arrived;
    position_ += request.arrived;
    left_ -= request.arrived;
    return outcome;
}

result<transfer_state> receiving::carry_out() {
    if (auto fit = refuse_unfit(to_, position_); !fit) return failure(std::move(fit));
    if (auto apart = refuse_overlap(from_, to_, position_, left_); !apart)
        return failure(std::move(apart));
    auto flags = sys::flags_of(from_.fd());
    if (!flags) return failure(std::move(flags));
    nonblocking_ = flags->nonblocking;
    while (left_ > 0) {
        way_ = next_way();
        auto outcome = step();
        if (!outcome) return failure(std::move(outcome));
        switch (outcome->state) {
            case receive_state::moved:
                break;
            case receive_state::unsupported:
                if (auto closed = close_window(kept_, to_, position_); !closed)
                    return failure(std::move(closed));
                give_up(way_, outcome->reason);
                break;
            case receive_state::source_ended:
                return transfer_state::source_ended;
            case receive_state::would_block: {
                if (nonblocking_) return transfer_state::would_block;
                auto ready = sys::wait_until(from_.fd(), sys::readiness::to_read, -1);
                if (!ready) return failure(std::move(ready));
                break;
            }
        }
    }
    return transfer_state::done;
}

receive_report receiving::run() {
    auto state = carry_out();
    auto closed = close_window(kept_, to_, position_);
    if (state && !closed) state = failure(std::move(closed));
    made_.way = made_.costs.foremost();
    made_.unwritten = std::move(kept_.unwritten);
    made_.state = state ? *state : transfer_state::failed;
    if (!state) made_.failed = std::move(state).error();
    return std::move(made_);
}

}  // namespace

std::string_view text_of(transfer_state state) noexcept {
    return state_texts[static_cast<std::size_t>(state)];
}

receive_report transfer_from(const byte_source& from, const file& to, std::uint64_t position,
                             std::uint64_t count, const file_transfer_options& options) {
    return receiving(from, to, position, count, options).run();
}

namespace {

result<transfer_state> fill_file(byte_filler from, receive_request& request, std::uint64_t count,
                                 writable_bytes room) {
    if (auto fit = refuse_unfit(request.to, request.position); !fit) return failure(std::move(fit));
    while (request.arrived < count) {
        auto wanted = std::min(count - request.arrived, static_cast<std::uint64_t>(room.size()));
        auto filled = from(room.first(static_cast<std::size_t>(wanted)));
        if (!filled) return failure(std::move(filled));
        if (*filled == 0) return transfer_state::source_ended;
        if (*filled > wanted) return failure(EINVAL, "fill", "more than there was room for");
        auto written = write_all(request, room.first(*filled));
        if (!written) return failure(std::move(written));
    }
    return transfer_state::done;
}

}  // namespace

receive_report transfer_from(byte_filler from, const file& to, std::uint64_t position,
                             std::uint64_t count, const file_transfer_options& options) {
    receive_report made;
    auto block = bounce_block::take();
    auto room = block.bytes().first(std::min<std::size_t>(
        block.bytes().size(), static_cast<std::size_t>(options.receive_sizes.block_size)));
    receive_staging kept;
    byte_source nobody(-1, source_kind::other);
    auto& cost = made.costs.of(receive_way::read_write);
    receive_request request{.from = nobody,
                            .to = to,
                            .position = position,
                            .limit = count,
                            .wait = sys::receive_wait::none,
                            .sizes = options.receive_sizes,
                            .kept = kept,
                            .cost = cost};
    auto state = fill_file(from, request, count, room);
    made.bytes = cost.bytes = request.arrived;
    made.unwritten = std::move(kept.unwritten);
    made.state = state ? *state : transfer_state::failed;
    if (!state) made.failed = std::move(state).error();
    return made;
}

}  // namespace sluice::inline v0
