#include <algorithm>

#include <sluice/in_flight.h>

#include "sys/sockets.h"

namespace sluice::inline v0 {

// Half of the list is used up before it is closed up, so that moving the rest is amortised O(1).
void in_flight::make_room() {
    if (open_.size() < open_.capacity()) return;
    if (front_ > 0 && front_ >= count()) {
        open_.erase(open_.begin(), open_.begin() + static_cast<std::ptrdiff_t>(front_));
        front_ = 0;
        return;
    }
    open_.reserve(std::max<std::size_t>(8, 2 * open_.size()));
}

void in_flight::add(chain sent) {
    make_room();
    auto size = sent.size();
    open_.push_back({.memory = std::move(sent)});
    bytes_ += size;
    ++sends_;
}

std::uint64_t in_flight::complete(std::uint32_t first_id, std::uint32_t last_id) noexcept {
    // All differences are modulo 2^32, as the ids are.
    std::uint32_t reported = last_id - first_id;
    std::uint64_t released = 0;
    // The front is looked at first: completions nearly always come in order.
    std::uint32_t from = first_id - first_id_;
    if (from >= count()) from = 0;
    for (auto at = from; at < count(); ++at) {
        std::uint32_t id = first_id_ + at;
        if (id - first_id > reported) break;
        auto& each = open_[front_ + at];
        if (!each.pending) continue;
        each.pending = false;
        released += each.memory.size();
        each.memory.clear();
        --sends_;
    }
    while (count() > 0 && !open_[front_].pending) {
        ++front_;
        ++first_id_;
    }
    if (count() == 0) {
        open_.clear();
        front_ = 0;
    }
    bytes_ -= released;
    return released;
}

result<std::uint64_t> in_flight::poll_completions(int socket, zerocopy_costs& costs) {
    std::uint64_t released = 0;
    while (true) {
        auto found = sys::next_completion(socket);
        if (!found) return failure(std::move(found));
        if (!*found) return released;
        auto bytes = complete((*found)->first, (*found)->last);
        ++costs.completions;
        costs.completed_bytes += bytes;
        if ((*found)->copied) costs.copied_after_all_bytes += bytes;
        released += bytes;
    }
}

void in_flight::abandon(int socket) noexcept {
    sys::reset_now(socket);
    zerocopy_costs unused;
    auto released = poll_completions(socket, unused);
    static_cast<void>(released);  // whatever it says, the memory goes
    first_id_ += static_cast<std::uint32_t>(count());
    open_.clear();
    front_ = 0;
    bytes_ = 0;
    sends_ = 0;
}

}  // namespace sluice::inline v0
