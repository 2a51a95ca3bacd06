#include "net/listener.h"

#include <chrono>

#include "net/address.h"

namespace sluice::net {

namespace {

constexpr int accepts_per_turn = 64;  // then the connections of the loop get their turn
constexpr auto retry_after = std::chrono::milliseconds(20);

std::string name_of(int socket) {
    auto address = sys::local_address(socket);
    return address ? text_of(*address) : std::string();
}

}  // namespace

listener::listener(executor loop, unique_fd socket, callbacks handlers)
    : loop_(loop),
      name_(name_of(socket.get())),
      socket_(loop, socket.release()),
      handlers_(std::move(handlers)) {}

void listener::start() {
    asio::co_spawn(loop_, run(stopped_), asio::detached);
}

void listener::stop() {
    if (std::exchange(*stopped_, true)) return;
    while (accept_waiting()) {
    }
    boost::system::error_code ignored;
    socket_.close(ignored);
}

// Accepts a turn's worth; true when more may be waiting.
bool listener::accept_waiting() {
    for (int count = 0; count < accepts_per_turn; ++count) {
        sys::socket_address peer;
        auto connection = sys::accept(socket_.native_handle(), &peer);
        if (!connection) {
            out_of_descriptors_ = true;
            handlers_.exhausted(connection.error());
            return false;
        }
        if (!*connection) return false;
        handlers_.accepted(*std::move(connection), peer);
    }
    return true;
}

// `stopped` is its own: the listener may be gone when the coroutine wakes up for the last time.
task<void> listener::run(std::shared_ptr<bool> stopped) {
    timer pause(loop_);
    while (true) {
        auto [failed] = co_await socket_.async_wait(descriptor::wait_read, as_result);
        if (*stopped || failed) co_return;
        if (accept_waiting()) continue;
        // Waiting is edge-triggered inside, yet each new wait looks again: after a failed accept
        // the connection still waits, so without a pause this would spin.
        if (out_of_descriptors_) {
            out_of_descriptors_ = false;
            pause.expires_after(retry_after);
            co_await pause.async_wait(as_result);
            if (*stopped) co_return;
        }
    }
}

}  // namespace sluice::net
