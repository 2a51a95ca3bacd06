#include <sluice/in_flight.h>

#include "sys/sockets.h"

namespace sluice::inline v0 {

void in_flight::add(chain sent) {
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
    if (from >= open_.size()) from = 0;
    for (auto at = from; at < open_.size(); ++at) {
        std::uint32_t id = first_id_ + at;
        if (id - first_id > reported) break;
        auto& each = open_[at];
        if (!each.pending) continue;
        each.pending = false;
        released += each.memory.size();
        each.memory.clear();
        --sends_;
    }
    while (!open_.empty() && !open_.front().pending) {
        open_.pop_front();
        ++first_id_;
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

}  // namespace sluice::inline v0
