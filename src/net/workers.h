// workers.h: threads that may wait, so that a loop never does.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include "net/asio.h"

namespace sluice::net {

// A fixed number of threads for work that may wait for a disk. The number of threads is the bound
// on how much of that runs at once; each connection has at most one piece of work here, so the
// queue is bounded by the number of connections. Destroying it waits for the work that has begun.
class workers {
  public:
    explicit workers(std::size_t threads) : threads_(threads), pool_(threads) {}
    workers(const workers&) = delete;
    workers& operator=(const workers&) = delete;
    ~workers() {
        pool_.stop();
        pool_.join();
    }

    [[nodiscard]] std::size_t threads() const noexcept { return threads_; }
    // How many pieces of work are running or waiting. Any thread.
    [[nodiscard]] std::size_t in_use() const noexcept {
        return in_use_.load(std::memory_order_relaxed);
    }

    // Runs `work` in one of the threads; the calling coroutine goes on, in its own loop, with the
    // outcome. `work` must not throw.
    template <typename Work>
    task<std::invoke_result_t<Work>> run(Work work) {
        auto loop = co_await asio::this_coro::executor;
        in_use_.fetch_add(1, std::memory_order_relaxed);
        std::optional<std::invoke_result_t<Work>> outcome;
        co_await asio::async_initiate<decltype(use_task), void()>(
            [&](auto handler) {
                // The loop must not run out of work while the only work is here.
                auto guard = asio::make_work_guard(loop);
                asio::post(pool_, [&outcome, &work, loop, guard = std::move(guard),
                                   handler = std::move(handler)]() mutable {
                    outcome.emplace(work());
                    asio::post(loop, std::move(handler));
                });
            },
            use_task);
        in_use_.fetch_sub(1, std::memory_order_relaxed);
        co_return std::move(*outcome);
    }

  private:
    std::size_t threads_;
    asio::thread_pool pool_;
    std::atomic<std::size_t> in_use_{0};
};

}  // namespace sluice::net
