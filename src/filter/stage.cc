#include "filter/stage.h"

#include <algorithm>
#include <new>
#include <utility>

namespace sluice::inline v0 {

result<filter_state> filter::stage::step() {
    if (failed_) return std::unexpected(*failed_);
    try {
        auto came = work();
        if (!came) failed_ = came.error();
        return came;
    } catch (const std::bad_alloc&) {
        failed_ = error(std::error_code(ENOMEM, std::system_category()), "filter");
        return std::unexpected(*failed_);
    }
}

result<chain> filter::stage::pull(std::uint64_t bytes_max) {
    // An error that came behind output that is ready hides it: the stream has no end.
    if (failed_) return std::unexpected(*failed_);
    // A crew is given more to do even where there is output already.
    while (ready_.empty() || in_background()) {
        auto came = step();
        if (!came) return failure(std::move(came));
        if (*came == filter_state::more) continue;
        if (!ready_.empty() || *came != filter_state::working) break;
        wait();
    }
    auto out = take_ready(std::min(bytes_max, ready_.size()));
    if (!out) return out;
    pulled_bytes_ += out->size();
    while (!held_.empty() && held_.front().end <= pulled_bytes_) {
        let_go(held_.front().capacity);
        held_.pop_front();
    }
    return out;
}

// Not an error of the stream: what is ready stays.
result<chain> filter::stage::take_ready(std::uint64_t count) {
    try {
        return ready_.split_at(count);
    } catch (const std::bad_alloc&) {
        return failure(ENOMEM, "filter");
    }
}

void filter::stage::add_output(chain&& made, std::size_t capacity) {
    if (made.empty()) return let_go(capacity);
    statistics_.bytes_out += made.size();
    held_.push_back({.end = statistics_.bytes_out, .capacity = capacity});
    ready_.append(std::move(made));
}

void filter::stage::hold(std::size_t bytes) noexcept {
    statistics_.memory_bytes += bytes;
    statistics_.memory_bytes_peak =
        std::max(statistics_.memory_bytes_peak, statistics_.memory_bytes);
}

}  // namespace sluice::inline v0
