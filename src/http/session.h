// session.h: one connection.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/intrusive/list_hook.hpp>

#include <sluice/transfer.h>

#include "http/handler.h"
#include "http/input_buffer.h"
#include "http/metrics.h"
#include "http/request_parser.h"
#include "net/async_transfer.h"

namespace sluice::http {

class serving_loop;

// Links a session into the loop's list for its phase; leaves it by itself when the session goes.
using phase_hook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

// Reads requests and sends responses, one after the other, until either side has had enough.
// Belongs to its loop's thread. Its coroutine owns it.
class session final : public phase_hook, private net::transfer_observer {
  public:
    session(serving_loop& loop, handler& answers, net::stream_socket socket, sink_kind kind,
            std::string client);
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session() override;

    // Serves the connection to its end; it then goes by itself.
    static void start(std::unique_ptr<session> self);

    [[nodiscard]] phase current_phase() const noexcept { return phase_; }
    [[nodiscard]] bool is_public() const noexcept { return answers_.is_public(); }
    [[nodiscard]] std::int64_t phase_since_ns() const noexcept { return phase_since_ns_; }
    // The time for the phase is over: answers 408 where that makes sense, and closes.
    void expire();
    // Closes at once, to make room for another connection.
    void evict();
    // The server is going: closes if nothing has been asked that was not answered.
    void drain();

  private:
    enum class interrupt : std::uint8_t { none, expired, drained };

    net::task<void> run();
    [[nodiscard]] writable_bytes room();
    [[nodiscard]] parsed_head next_head();
    [[nodiscard]] bool read_after_interrupt(parsed_head& head);
    void take_request(const parsed_head& head);
    void finish_exchange(bool sent_all);
    void count_exchange();
    [[nodiscard]] bool stays_open(bool sent) const noexcept;
    void refuse(int status);

    // Bodies of requests are read and thrown away. False: there is nobody to answer any more.
    net::task<bool> discard_body();
    net::task<bool> discard_sized_body();
    net::task<bool> discard_chunked_body();
    net::task<bool> send_continue();

    enum class sent : std::uint8_t { all, part, failed };
    [[nodiscard]] sent send_now();
    net::task<bool> send_rest();
    [[nodiscard]] bool replace_by_error(const error& failed);
    void report(const error& failed);
    net::task<void> linger();
    void enter(phase next);

    void waits_for_peer() override { enter(phase::sending); }
    void waits_for_disk() override { enter(phase::busy); }

    serving_loop& loop_;
    handler& answers_;
    net::stream_socket socket_;
    std::string client_;
    transfer out_;
    exchange x_;
    input_buffer input_;
    std::size_t searched_ = 0;                // of the input, for the end of a head
    std::unique_ptr<std::string> kept_head_;  // of a request with a body, since the input moves on
    std::uint64_t served_ = 0;
    std::int64_t started_ns_ = 0;  // of the request
    std::int64_t phase_since_ns_ = 0;
    std::size_t head_size_ = 0;  // of the request in the input
    phase phase_ = phase::busy;
    interrupt interrupted_ = interrupt::none;
    bool linger_wanted_ = false;

    friend class serving_loop;
};

}  // namespace sluice::http
