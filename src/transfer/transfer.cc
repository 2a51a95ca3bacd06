#include <algorithm>
#include <utility>

#include <sluice/transfer.h>

#include "file/page_cache.h"
#include "sys/clock.h"
#include "transfer/mechanism_step.h"
#include "transfer/process_costs.h"
#include "transfer/staging.h"

namespace sluice::inline v0 {

namespace {
constexpr std::int64_t stall_ns = 1'000'000;
}

transfer::transfer(sink to, transfer_options options)
    : to_(to),
      options_(options),
      given_up_(options.avoided),
      staged_(std::make_unique<staging>()) {}
transfer::transfer(transfer&&) noexcept = default;
transfer& transfer::operator=(transfer&&) noexcept = default;
transfer::~transfer() = default;

result<progress> transfer::step(std::uint64_t budget) {
    std::uint64_t spent = 0;
    while (!pieces_.empty()) {
        if (spent >= budget) return progress{spent, progress_state::more};
        make_plan();
        if (next_chunk_is_cold()) return progress{spent, progress_state::cold};
        auto moved = move_front(budget - spent);
        if (!moved) return failure(std::move(moved));
        spent += moved->bytes;
        switch (moved->state) {
            case step_state::moved:
                break;
            case step_state::unsupported:
                give_up(last_plan_.way, moved->reason);
                break;
            case step_state::would_block:
                return progress{spent, progress_state::would_block};
            case step_state::source_truncated:
                return progress{spent, progress_state::source_truncated};
        }
    }
    forget_sources();
    return progress{spent, progress_state::done};
}

void transfer::abandon() noexcept {
    pieces_.clear();
    forget_sources();
}

void transfer::forget_sources() noexcept {
    checked_.reset();
    cold_reported_ = false;
    warmed_ = false;
    assumed_resident_ = false;
    staged_->clear();
}

void transfer::make_plan() noexcept {
    last_plan_ = staged_->holds_bytes()
                     ? plan{mechanism::splice, plan_reason::staged}
                     : plan_for(pieces_, to_, options_.sizes, options_.forced, given_up_);
}

// The file piece that the next call reads: the front, or the one behind it when the plan joins
// them.
const file_region* transfer::file_in_reach() const noexcept {
    if (pieces_.empty()) return nullptr;
    if (const auto* front = pieces_.pieces()[0].region()) return front;
    return last_plan_.way == mechanism::read_write ? first_file() : nullptr;
}

// The file piece that comes next. It is looked at before the memory in front of it leaves, so that
// a head and the first bytes of its body go out together, and an error of the disk comes while
// nothing has been sent.
const file_region* transfer::first_file() const noexcept {
    for (const auto& part : pieces_.pieces()) {
        if (const auto* source = part.region()) return source;
    }
    return nullptr;
}

std::optional<file_region> transfer::cold_region() const {
    const auto* source = first_file();
    if (source == nullptr) return std::nullopt;
    return source->slice(0, std::min(source->size(), options_.sizes.chunk_size));
}

bool transfer::is_checked(const file_region& next) const noexcept {
    return checked_ && next.fd() == checked_->fd() && next.position() >= checked_->position() &&
           next.position() < checked_->end_position();
}

// Looks at the next chunk unless it has been looked at, or warmed.
bool transfer::next_chunk_is_cold() {
    if (!options_.check_residency || assumed_resident_) return false;
    const auto* source = first_file();
    if (source == nullptr || is_checked(*source)) return false;
    auto chunk = *cold_region();
    bool asked_before = std::exchange(cold_reported_, false);
    if (!std::exchange(warmed_, false) && residency_of(chunk) == residency::cold) {
        cold_reported_ = true;
        if (!asked_before) count_cold_chunk();
        return true;
    }
    checked_ = std::move(chunk);
    return false;
}

void transfer::count_cold_chunk() noexcept {
    ++costs_.cold_chunks;
    book_cold_chunk();
}

// How much of a file piece may be moved now: not beyond what was found resident.
std::uint64_t transfer::file_limit(const file_region& source, std::uint64_t budget) const noexcept {
    auto limit = std::min({source.size(), budget, options_.sizes.chunk_size});
    return is_checked(source) ? std::min(limit, checked_->end_position() - source.position())
                              : limit;
}

result<step_outcome> transfer::move_front(std::uint64_t budget) {
    const auto* source = file_in_reach();
    mechanism_cost spent;
    step_request request{pieces_, to_, source != nullptr ? file_limit(*source, budget) : budget,
                         *staged_, spent};
    auto started = source != nullptr ? sys::monotonic_ns() : 0;
    auto copied_before = bytes_copied_by_thread();

    auto moved = step_of(last_plan_.way)(request);

    if (source != nullptr) book_stall_since(started);
    spent.copied_user = bytes_copied_by_thread() - copied_before;
    if (moved) spent.bytes = moved->bytes;
    costs_.of(last_plan_.way) += spent;
    book(last_plan_.way, spent);
    if (!moved) return moved;
    if (moved->state == step_state::source_truncated) truncated_file_ = source->source().name();
    pieces_.advance(moved->bytes);
    to_.advance(moved->bytes);
    return moved;
}

void transfer::book_stall_since(std::int64_t started) noexcept {
    auto took = sys::monotonic_ns() - started;
    if (took <= stall_ns) return;
    ++costs_.stalls;
    costs_.stalled_ns += static_cast<std::uint64_t>(took);
    book_stall(static_cast<std::uint64_t>(took));
}

// A mechanism that does not work here is given up for the rest of this transfer, once, and the
// ledger says what took its place and why.
void transfer::give_up(mechanism way, int reason) {
    given_up_.insert(way);
    auto next = plan_for(pieces_, to_, options_.sizes, std::nullopt, given_up_);
    fallback taken{way, next.way, reason};
    costs_.record(taken);
    book(taken);
}

}  // namespace sluice::inline v0
