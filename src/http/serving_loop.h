// serving_loop.h: one event loop, one thread, and everything that they serve with.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <boost/intrusive/list.hpp>

#include "http/access_log.h"
#include "http/file_service.h"
#include "http/metrics.h"
#include "http/response_head.h"
#include "http/session.h"
#include "net/listener.h"
#include "net/workers.h"

namespace sluice::http {

// What all loops of a server share.
struct shared_parts {
    logs& log;
    net::workers& disk;     // reads of cold files
    net::workers& lookups;  // names that are not in the kernel's cache, and directories
    std::atomic<bool>& draining;
    std::function<std::string()> metrics;  // the text of /metrics
};

// Limits of one loop: the process's, divided by the number of loops where they bound a sum.
struct loop_limits {
    limits_config each;           // those of a single connection or request
    std::size_t connections = 0;  // of this loop
    cache_limits cache;
    std::optional<mechanism> forced;
};

class serving_loop {
  public:
    serving_loop(shared_parts shared, std::shared_ptr<const site_set> sites, loop_limits limits);
    ~serving_loop();

    // In any thread, before start() or posted by it.
    void start();
    void join();
    // Runs something in the loop's thread.
    void post(std::function<void()> work);

    // In the loop's thread (or before start()).
    void listen(unique_fd socket, bool admin);
    void stop_listening(const std::string& address);
    void use(std::shared_ptr<const site_set> sites, loop_limits limits);
    // Stops accepting, lets responses under way end and calls `drained` when the last connection is
    // closed.
    void drain(std::function<void()> drained);
    // Closes everything and leaves the loop.
    void stop();

    [[nodiscard]] const loop_metrics& metrics() const noexcept { return metrics_; }

  private:
    friend class session;
    using session_list =
        boost::intrusive::list<session, boost::intrusive::constant_time_size<false>>;

    void accept(unique_fd connection, const sys::socket_address& peer, handler& answers);
    void refuse(unique_fd connection);
    [[nodiscard]] bool make_room(bool among_public);
    void out_of_descriptors(const error& reason);
    void session_ended(session& which);
    void forget(const session& which);
    void move_to(session& which, phase next);
    // Reads the clock, for durations and for everything that is content with the time of the last
    // reading.
    std::int64_t read_clock() noexcept;
    net::task<void> keep_time();
    void end_if_drained();
    void expire_overdue();
    [[nodiscard]] std::int64_t time_limit_ns(phase of) const noexcept;
    [[nodiscard]] bool is_draining() const noexcept {
        return shared_.draining.load(std::memory_order_relaxed);
    }
    [[nodiscard]] transfer_options transfer_options_for_all() const {
        return {.sizes = {}, .forced = limits_.forced, .check_residency = true};
    }
    [[nodiscard]] session_list& list_of(phase which) noexcept {
        return phases_[static_cast<std::size_t>(which)];
    }

    shared_parts shared_;
    loop_limits limits_;
    response_head heads_;
    loop_metrics metrics_;
    access_log access_;
    std::array<session_list, phase_count> phases_;
    std::size_t connections_ = 0;
    std::size_t admin_connections_ = 0;  // not among them
    std::int64_t now_ns_ = 0;  // when the clock was last read: at each request and each tick
    std::int64_t last_complaint_ns_ = 0;  // about descriptors
    file_service files_;
    std::unique_ptr<handler> admin_;
    std::function<void()> drained_;
    // Behind all that sessions use, since it ends those that are left; before what needs it to
    // close.
    net::asio::io_context context_;
    std::vector<std::unique_ptr<net::listener>> listeners_;
    std::unique_ptr<net::listener> admin_listener_;
    std::thread thread_;
};

}  // namespace sluice::http
