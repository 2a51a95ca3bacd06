#include "net/async_transfer.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "sys/clock.h"

namespace sluice::net {

namespace {

// Lets a connection spend at most so many bytes a second, in portions of a tenth of a second.
class rate_limiter {
  public:
    explicit rate_limiter(std::uint64_t bytes_per_second)
        : rate_(bytes_per_second), started_ns_(sys::monotonic_ns()) {}

    [[nodiscard]] bool limits() const noexcept { return rate_ > 0; }
    [[nodiscard]] std::uint64_t portion() const noexcept {
        return std::max<std::uint64_t>(rate_ / 10, 1);
    }
    void spend(std::uint64_t bytes) noexcept { spent_ += bytes; }
    // How long to wait until what has been spent is within the rate.
    [[nodiscard]] std::chrono::nanoseconds debt() const noexcept {
        auto due_ns = static_cast<double>(spent_) * 1e9 / static_cast<double>(rate_);
        auto passed_ns = static_cast<double>(sys::monotonic_ns() - started_ns_);
        return std::chrono::nanoseconds(
            static_cast<std::int64_t>(std::max(due_ns - passed_ns, 0.0)));
    }

  private:
    std::uint64_t rate_;
    std::int64_t started_ns_;
    std::uint64_t spent_ = 0;
};

task<void> sleep_for(std::chrono::nanoseconds time) {
    timer wake(co_await asio::this_coro::executor);
    wake.expires_after(time);
    co_await wake.async_wait(as_result);
}

}  // namespace

task<result<progress_state>> async_transfer(transfer& out, stream_socket& socket, workers& disk,
                                            const pace& how, transfer_observer& observer) {
    rate_limiter limiter(how.bytes_per_second);
    auto budget = limiter.limits() ? std::min(how.turn_bytes, limiter.portion()) : how.turn_bytes;
    while (true) {
        if (!socket.is_open()) co_return failure(ECONNABORTED, "send");
        auto moved = out.step(budget);
        if (!moved) co_return failure(std::move(moved));
        limiter.spend(moved->bytes);
        switch (moved->state) {
            case progress_state::done:
                // Short responses one after the other are held to the rate as well.
                if (limiter.limits()) co_await sleep_for(limiter.debt());
                co_return moved->state;
            case progress_state::source_truncated:
                co_return moved->state;
            case progress_state::would_block: {
                observer.waits_for_peer();
                auto [failed] = co_await socket.async_wait(stream_socket::wait_write, as_result);
                if (failed) co_return failure(ECONNABORTED, "send");
                break;
            }
            case progress_state::cold: {
                observer.waits_for_disk();
                // Named, and not a temporary within the co_await expression: g++ 12 would destroy
                // what the lambda holds twice.
                auto warming = [region = *out.cold_region()] { return warm(region); };
                auto warmed = co_await disk.run(std::move(warming));
                if (!warmed) co_return failure(std::move(warmed));
                out.warmed();
                break;
            }
            case progress_state::more: {
                auto loop = co_await asio::this_coro::executor;
                co_await asio::post(loop, use_task);
                break;
            }
        }
        if (limiter.limits()) {
            if (auto debt = limiter.debt(); debt.count() > 0) {
                observer.waits_for_peer();
                co_await sleep_for(debt);
            }
        }
    }
}

}  // namespace sluice::net
