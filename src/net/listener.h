// listener.h: accepts connections for one loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <sluice/unique_fd.h>

#include "net/asio.h"
#include "sys/sockets.h"

namespace sluice::net {

// Accepts on a listening, non-blocking socket and hands each connection to `accepted`, in the
// loop's thread. When descriptors run out (EMFILE, ENFILE) it calls `exhausted`, which should free
// some, and tries again shortly: it goes on accepting when it can and does not spin. One loop's
// thread only.
class listener {
  public:
    struct callbacks {
        std::function<void(unique_fd connection, const sys::socket_address& peer)> accepted;
        std::function<void(const error& reason)> exhausted;
    };
    listener(executor loop, unique_fd socket, callbacks handlers);

    void start();
    // Takes what already waits in the kernel's queue, so that nobody who has connected is refused,
    // and closes.
    void stop();
    // The address it listens on.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

  private:
    task<void> run(std::shared_ptr<bool> stopped);
    bool accept_waiting();

    executor loop_;
    std::string name_;
    descriptor socket_;
    callbacks handlers_;
    bool out_of_descriptors_ = false;
    std::shared_ptr<bool> stopped_ = std::make_shared<bool>(false);
};

}  // namespace sluice::net
