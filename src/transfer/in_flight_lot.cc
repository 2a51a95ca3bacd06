#include <algorithm>
#include <array>
#include <climits>
#include <new>

#include <sluice/in_flight.h>

#include "sys/clock.h"
#include "sys/descriptors.h"
#include "sys/event_poll.h"
#include "sys/sockets.h"

namespace sluice::inline v0 {

namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;

struct parked {
    unique_fd socket;
    in_flight pending;
    std::int64_t deadline_ns = 0;
    std::uint64_t key = 0;

    void poll() {
        // A queue that cannot be read leaves the time limit.
        zerocopy_costs unused;
        auto released = pending.poll_completions(socket.get(), unused);
        static_cast<void>(released);
    }
};

}  // namespace

// Oldest first, which is the order of the deadlines too.
struct in_flight_lot::impl {
    in_flight_lot_options options;
    unique_fd epoll;
    mutable std::mutex mutex;
    std::list<parked> waiting;
    std::uint64_t next_key = 1;
    std::uint64_t reset_count = 0;

    [[nodiscard]] std::uint64_t bytes() const noexcept {
        std::uint64_t sum = 0;
        for (const auto& each : waiting)
            sum += each.pending.bytes();
        return sum;
    }

    // The kernel gives up what is queued with the reset; only then may the memory go.
    void reset(std::list<parked>::iterator at) noexcept {
        at->pending.abandon(at->socket.get());
        ++reset_count;
        waiting.erase(at);
    }
    void make_room() noexcept {
        for (auto held = bytes(); held > options.bytes_max; held = bytes())
            reset(waiting.begin());
    }
    void poll(std::uint64_t key) {
        auto at = std::ranges::find(waiting, key, &parked::key);
        if (at == waiting.end()) return;
        at->poll();
        if (at->pending.empty()) waiting.erase(at);
    }
    void reset_overdue() noexcept {
        auto now = sys::monotonic_ns();
        while (!waiting.empty() && waiting.front().deadline_ns <= now)
            reset(waiting.begin());
    }
    void step() {
        std::array<std::uint64_t, 64> keys;
        while (true) {
            auto news = sys::wait_for_news(epoll.get(), keys, 0);
            if (!news) break;  // leaves the time limits
            for (auto key : std::span(keys).first(*news))
                poll(key);
            if (*news < keys.size()) break;
        }
        reset_overdue();
    }
    [[nodiscard]] int next_deadline_ms() const noexcept {
        if (waiting.empty()) return -1;
        auto left = waiting.front().deadline_ns - sys::monotonic_ns();
        return static_cast<int>(
            std::clamp<std::int64_t>((left + ns_per_ms - 1) / ns_per_ms, 0, INT_MAX));
    }
};

in_flight_lot::in_flight_lot(std::unique_ptr<impl> made) noexcept : impl_(std::move(made)) {}
in_flight_lot::in_flight_lot(in_flight_lot&&) noexcept = default;
in_flight_lot& in_flight_lot::operator=(in_flight_lot&& other) noexcept {
    in_flight_lot gone(std::move(*this));
    impl_ = std::move(other.impl_);
    return *this;
}

in_flight_lot::~in_flight_lot() {
    while (impl_ && !impl_->waiting.empty())
        impl_->reset(impl_->waiting.begin());
}

result<in_flight_lot> in_flight_lot::make(in_flight_lot_options options) {
    auto epoll = sys::make_epoll();
    if (!epoll) return failure(std::move(epoll));
    auto made = std::make_unique<impl>();
    made->options = options;
    made->epoll = *std::move(epoll);
    return in_flight_lot(std::move(made));
}

result<void> in_flight_lot::take(unique_fd socket, in_flight pending) {
    sys::shut_sending(socket.get());
    auto& all = *impl_;
    std::scoped_lock lock(all.mutex);
    auto deadline = sys::monotonic_ns() + std::int64_t{all.options.time_limit_ms} * ns_per_ms;
    try {
        all.waiting.emplace_back();
    } catch (const std::bad_alloc&) {
        pending.abandon(socket.get());
        throw;
    }
    auto own = std::prev(all.waiting.end());
    *own = {.socket = std::move(socket),
            .pending = std::move(pending),
            .deadline_ns = deadline,
            .key = all.next_key++};
    auto watched = sys::watch_errors(all.epoll.get(), own->socket.get(), own->key);
    if (!watched) {
        all.reset(own);
        return watched;
    }
    all.poll(own->key);  // what came before it was watched
    all.make_room();
    return {};
}

int in_flight_lot::fd() const noexcept {
    return impl_->epoll.get();
}

void in_flight_lot::step() {
    std::scoped_lock lock(impl_->mutex);
    impl_->step();
}

int in_flight_lot::next_deadline_ms() const {
    std::scoped_lock lock(impl_->mutex);
    return impl_->next_deadline_ms();
}

bool in_flight_lot::wait_until_empty(int timeout_ms) {
    auto end = timeout_ms < 0 ? INT64_MAX : sys::monotonic_ns() + timeout_ms * ns_per_ms;
    while (true) {
        step();
        if (connections() == 0) return true;
        // None any more: another thread has stepped.
        auto next = std::max(0, next_deadline_ms());
        auto left = (end - sys::monotonic_ns()) / ns_per_ms;
        if (left <= 0) return false;
        auto wait = static_cast<int>(std::min<std::int64_t>(left, next));
        // Without the lock: another thread may bring connections meanwhile.
        if (!sys::wait_until(fd(), sys::readiness::to_read, wait)) return false;
    }
}

std::uint64_t in_flight_lot::bytes() const {
    std::scoped_lock lock(impl_->mutex);
    return impl_->bytes();
}
std::size_t in_flight_lot::connections() const {
    std::scoped_lock lock(impl_->mutex);
    return impl_->waiting.size();
}
std::uint64_t in_flight_lot::resets() const {
    std::scoped_lock lock(impl_->mutex);
    return impl_->reset_count;
}

}  // namespace sluice::inline v0
