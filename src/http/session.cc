#include "http/session.h"

#include <algorithm>
#include <cerrno>

#include "http/chunked_body.h"
#include "http/serving_loop.h"
#include "sys/clock.h"
#include "sys/io.h"
#include "sys/sockets.h"

namespace sluice::http {

namespace {

// A chunk of a file and the head before it.
constexpr std::uint64_t turn_bytes = 1024 * 1024 + 64 * 1024;
constexpr std::size_t scratch_bytes = 64 * 1024;
constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

// Where bytes are received that nobody wants. Used within one call and never across a wait.
writable_bytes scratch() {
    thread_local auto bytes = std::make_unique<std::array<std::byte, scratch_bytes>>();
    return *bytes;
}

bool is_peers_doing(const error& failed) {
    return failed.is(EPIPE) || failed.is(ECONNRESET) || failed.is(ECONNABORTED) ||
           failed.is(ENOTCONN) || failed.is(ETIMEDOUT) || failed.is(EHOSTUNREACH) ||
           failed.is(ENETUNREACH) || failed.is(EBADF);
}

}  // namespace

session::session(serving_loop& loop, handler& answers, net::stream_socket socket, sink_kind kind,
                 std::string client)
    : loop_(loop),
      answers_(answers),
      socket_(std::move(socket)),
      client_(std::move(client)),
      out_(sink(socket_.native_handle(), kind), loop.transfer_options_for_all()) {
    enter(phase::busy);
}

session::~session() {
    loop_.session_ended(*this);
}

void session::start(std::unique_ptr<session> self) {
    auto* one = self.get();
    auto loop = one->socket_.get_executor();
    // Whatever an exception says (there is none but that memory has run out), the connection ends
    // with it.
    net::asio::co_spawn(loop, one->run(), [owned = std::move(self)](const std::exception_ptr&) {});
}

net::task<void> session::run() {
    for (bool open = true; open;) {
        auto head = next_head();
        while (head.is == parsed_head::outcome::incomplete) {
            enter(input_.empty() ? phase::idle : phase::reading);
            auto space = room();
            auto [failed, count] = co_await socket_.async_read_some(
                net::asio::buffer(space.data(), space.size()), net::as_result);
            // Bytes may have been received before the connection was closed to make room for
            // another, whose descriptor has the same number now.
            if (!socket_.is_open()) co_return;
            input_.commit(count);
            if (!failed) {
                head = next_head();
            } else if (!read_after_interrupt(head)) {
                co_return;
            }
        }
        take_request(head);
        if (head.is == parsed_head::outcome::refused) {
            refuse(head.status);
        } else {
            if (x_.asked.has_body()) {
                bool readable = co_await discard_body();
                if (!readable) break;
            }
            while (out_.pieces().empty()) {
                auto work = answers_.answer(x_, out_.pieces());
                if (!work) break;
                enter(phase::busy);
                co_await loop_.shared_.lookups.run([&work] {
                    (*work)();
                    return true;
                });
            }
        }
        auto now = send_now();
        bool sent_all = now == sent::all;
        if (now == sent::part) sent_all = co_await send_rest();
        finish_exchange(sent_all);
        open = stays_open(sent_all);
    }
    if (linger_wanted_ && socket_.is_open()) co_await linger();
}

writable_bytes session::room() {
    if (input_.empty()) input_.shrink();
    // One byte more than a head may have: a head that fills the room is too large.
    return input_.room(loop_.limits_.each.head_bytes + 1);
}

parsed_head session::next_head() {
    if (input_.empty()) return {};
    const auto& limits = loop_.limits_.each;
    return parse_head(input_.bytes(), searched_, {limits.head_bytes, limits.header_fields},
                      x_.asked);
}

// A read has ended without data. Whether there is still something to answer: 408 to a request that
// is late, or a request that came while the server began to go.
bool session::read_after_interrupt(parsed_head& head) {
    auto why = std::exchange(interrupted_, interrupt::none);
    if (why == interrupt::none || !socket_.is_open()) return false;
    if (why == interrupt::drained) {
        auto got = sys::receive(socket_.native_handle(), room());
        if (!got || got->bytes == 0) return false;
        input_.commit(got->bytes);
        head = next_head();
        return true;
    }
    if (input_.empty()) return false;
    head = {parsed_head::outcome::refused, 0, 408};
    return true;
}

void session::take_request(const parsed_head& head) {
    started_ns_ = loop_.read_clock();
    searched_ = 0;
    head_size_ = head.size;
    x_.reset();
    x_.now_ns = started_ns_;
    out_.reset_costs();
    ++served_;
    x_.answer.close = loop_.is_draining() || served_ >= loop_.limits_.each.requests;
    // A peer that does not expect the end may be sending still.
    linger_wanted_ |= x_.answer.close;
    // The next request, which may be here in part, gets a time of its own.
    if (phase_ == phase::reading) enter(phase::busy);
}

void session::refuse(int status) {
    x_.answer.close = true;
    linger_wanted_ = true;
    append_error(out_.pieces(), loop_.heads_, x_, status);
}

bool session::stays_open(bool sent_all) const noexcept {
    // A request that has come in the meantime is still answered when the server begins to go.
    bool going = loop_.is_draining() && input_.empty();
    return sent_all && x_.asked.keep_alive && !x_.answer.close && !going && socket_.is_open();
}

void session::finish_exchange(bool sent_all) {
    if (answers_.is_public()) count_exchange();
    if (!x_.answer.trouble.empty()) loop_.shared_.log.write(log_level::error, x_.answer.trouble);
    if (!sent_all) out_.abandon();
    x_.lookup.reset();  // an idle connection keeps no site and no file
    if (kept_head_) {
        kept_head_.reset();
    } else {
        input_.consume(head_size_);
    }
}

void session::count_exchange() {
    auto took = loop_.read_clock() - started_ns_;
    loop_.metrics_.count_request(x_.asked.method, x_.answer.status, took);
    if (!loop_.access_.wanted()) return;
    loop_.access_.record(
        {x_.asked, x_.answer, client_, out_.costs(), took, sys::coarse_realtime_s()});
}

// ---- bodies of requests ----

net::task<bool> session::discard_body() {
    // The input moves on while the body is read, so the head is kept apart and read again from
    // there.
    kept_head_ = std::make_unique<std::string>(as_text(input_.bytes().first(head_size_)));
    input_.consume(head_size_);
    std::size_t searched = 0;
    const auto& limits = loop_.limits_.each;
    (void)parse_head(as_bytes(*kept_head_), searched, {limits.head_bytes, limits.header_fields},
                     x_.asked);

    if (x_.asked.content_length > limits.body_bytes) {
        refuse(413);
        co_return true;
    }
    bool welcome = x_.asked.is_get_or_head() || x_.asked.method == request_method::options;
    if (x_.asked.expects_continue && !welcome) {
        // Nobody is asked to send what is refused anyway: the answer comes at once, and the end.
        x_.answer.close = true;
        linger_wanted_ = true;
        co_return true;
    }
    if (x_.asked.expects_continue && input_.empty()) {
        bool continued = co_await send_continue();
        if (!continued) co_return false;
        out_.reset_costs();  // of the answer itself nothing has been sent yet
    }
    enter(phase::busy);
    // Written out: g++ 12 awaits both arms of a conditional expression.
    if (x_.asked.chunked) co_return co_await discard_chunked_body();
    co_return co_await discard_sized_body();
}

net::task<bool> session::discard_sized_body() {
    auto left = x_.asked.content_length;
    auto held = std::min<std::uint64_t>(left, input_.bytes().size());
    input_.consume(static_cast<std::size_t>(held));
    left -= held;
    while (left > 0) {
        enter(phase::reading);
        auto [failed] = co_await socket_.async_wait(net::stream_socket::wait_read, net::as_result);
        if (failed) {
            if (std::exchange(interrupted_, interrupt::none) != interrupt::expired) co_return false;
            refuse(408);
            co_return true;
        }
        auto wanted = std::min<std::uint64_t>(left, scratch_bytes);
        auto got = sys::receive(socket_.native_handle(),
                                scratch().first(static_cast<std::size_t>(wanted)));
        if (!got || got->at_end()) co_return false;
        left -= got->bytes;
    }
    co_return true;
}

net::task<bool> session::discard_chunked_body() {
    chunked_body body;
    while (true) {
        auto fed = body.feed(input_.bytes(), loop_.limits_.each.body_bytes);
        input_.consume(fed.consumed);
        if (fed.refused) {
            refuse(fed.status);
            co_return true;
        }
        if (fed.complete) co_return true;
        auto space = room();
        enter(phase::reading);
        auto [failed, count] = co_await socket_.async_read_some(
            net::asio::buffer(space.data(), space.size()), net::as_result);
        input_.commit(count);
        if (!failed) continue;
        if (std::exchange(interrupted_, interrupt::none) != interrupt::expired) co_return false;
        refuse(408);
        co_return true;
    }
}

net::task<bool> session::send_continue() {
    out_.pieces().append(buffer_slice::of_static(continue_line));
    if (send_now() == sent::all) co_return true;
    co_return co_await send_rest();
}

// ---- responses ----

// Sends without waiting; most responses are gone then.
session::sent session::send_now() {
    if (!socket_.is_open()) {
        out_.abandon();
        return sent::failed;
    }
    if (x_.answer.bytes_per_second > 0) return sent::part;
    out_.assume_resident(x_.answer.known_resident);
    auto moved = out_.step(turn_bytes);
    if (!moved) {
        if (replace_by_error(moved.error())) return sent::part;
        report(moved.error());
        return sent::failed;
    }
    return moved->state == progress_state::done ? sent::all : sent::part;
}

net::task<bool> session::send_rest() {
    while (true) {
        net::pace how{turn_bytes, x_.answer.bytes_per_second};
        auto ended = co_await net::async_transfer(out_, socket_, loop_.shared_.disk, how, *this);
        if (ended && *ended == progress_state::done) co_return true;
        if (ended) {
            loop_.shared_.log.write(
                log_level::warning,
                out_.truncated_file() + ": became shorter while it was being sent");
            co_return false;
        }
        if (!replace_by_error(ended.error())) {
            report(ended.error());
            co_return false;
        }
    }
}

// As long as nothing has been sent, an error of the disk can still become an answer.
bool session::replace_by_error(const error& failed) {
    bool untouched = out_.costs().total().bytes == 0 && x_.answer.status < 500;
    if (is_peers_doing(failed) || !untouched) return false;
    out_.abandon();
    x_.answer.trouble = failed.message();
    x_.answer.body_bytes = 0;
    append_error(out_.pieces(), loop_.heads_, x_, 500);
    return true;
}

void session::report(const error& failed) {
    if (!is_peers_doing(failed)) loop_.shared_.log.write(log_level::error, failed.message());
}

// Our last answer would be lost in a reset if the connection were closed while the peer still
// sends.
net::task<void> session::linger() {
    sys::shut_sending(socket_.native_handle());
    enter(phase::lingering);
    while (true) {
        auto [failed] = co_await socket_.async_wait(net::stream_socket::wait_read, net::as_result);
        if (failed) co_return;
        auto got = sys::receive(socket_.native_handle(), scratch());
        if (!got || got->at_end()) co_return;
    }
}

// ---- time and ends ----

void session::enter(phase next) {
    loop_.move_to(*this, next);
}

void session::expire() {
    boost::system::error_code ignored;
    if (phase_ == phase::reading) {
        interrupted_ = interrupt::expired;
        enter(phase::busy);
        socket_.cancel(ignored);
        return;
    }
    if (phase_ == phase::sending) sys::reset_on_close(socket_.native_handle());
    enter(phase::busy);
    socket_.close(ignored);
}

void session::evict() {
    boost::system::error_code ignored;
    enter(phase::busy);
    socket_.close(ignored);
}

void session::drain() {
    // Whoever has just connected gets a moment for the first request; see time_limit_ns.
    if (served_ == 0) return enter(phase::idle);
    boost::system::error_code ignored;
    interrupted_ = interrupt::drained;
    enter(phase::busy);
    socket_.cancel(ignored);
}

}  // namespace sluice::http
