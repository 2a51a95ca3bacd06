#include "http/serving_loop.h"

#include <algorithm>
#include <chrono>

#include "http/admin.h"
#include "net/address.h"
#include "sys/clock.h"
#include "sys/io.h"
#include "sys/sockets.h"

namespace sluice::http {

namespace {

constexpr auto tick = std::chrono::milliseconds(100);
constexpr std::int64_t linger_ns = 5'000'000'000;
constexpr std::int64_t last_moment_ns = 500'000'000;  // for a first request while the server goes
constexpr std::size_t admin_connections_max = 64;
constexpr std::int64_t complaint_interval_ns = 1'000'000'000;
// One thread runs the loop; others only post to it.
constexpr int one_thread = BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO;

constexpr std::string_view busy_answer =
    "HTTP/1.1 503 Service Unavailable\r\nServer: sluice\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    "Connection: close\r\n\r\n";

}  // namespace

serving_loop::serving_loop(shared_parts shared, std::shared_ptr<const site_set> sites,
                           loop_limits limits)
    : shared_(std::move(shared)),
      limits_(limits),
      access_(shared_.log),
      files_(std::move(sites), heads_, limits.cache),
      admin_(std::make_unique<admin_service>(shared_.metrics, shared_.draining, heads_)),
      context_(one_thread) {}

serving_loop::~serving_loop() {
    stop();
    join();
    drained_ = nullptr;  // whoever waited has stopped waiting; the sessions that are left end below
}

void serving_loop::start() {
    net::asio::co_spawn(context_, keep_time(), net::asio::detached);
    thread_ = std::thread([this] { context_.run(); });
}

void serving_loop::join() {
    if (thread_.joinable()) thread_.join();
}

void serving_loop::post(std::function<void()> work) {
    net::asio::post(context_, std::move(work));
}

void serving_loop::stop() {
    context_.stop();
}

// ---- connections ----

void serving_loop::listen(unique_fd socket, bool admin) {
    handler& answers = admin ? *admin_ : static_cast<handler&>(files_);
    auto accepted = [this, &answers](unique_fd connection, const sys::socket_address& peer) {
        accept(std::move(connection), peer, answers);
    };
    auto exhausted = [this](const error& reason) { out_of_descriptors(reason); };
    auto made = std::make_unique<net::listener>(context_.get_executor(), std::move(socket),
                                                net::listener::callbacks{accepted, exhausted});
    made->start();
    if (admin) {
        admin_listener_ = std::move(made);
    } else {
        listeners_.push_back(std::move(made));
    }
}

void serving_loop::stop_listening(const std::string& address) {
    std::erase_if(listeners_, [&](const auto& each) {
        if (each->name() != address) return false;
        each->stop();
        return true;
    });
}

void serving_loop::accept(unique_fd connection, const sys::socket_address& peer, handler& answers) {
    metrics_.accepted.add();
    read_clock();
    auto& open = answers.is_public() ? connections_ : admin_connections_;
    auto limit = answers.is_public() ? limits_.connections : admin_connections_max;
    if (open >= limit && !make_room(answers.is_public())) return refuse(std::move(connection));
    int family = peer.storage.ss_family;
    if (family != AF_UNIX) sys::send_at_once(connection.get());
    net::stream_socket socket(context_.get_executor());
    boost::system::error_code failed;
    socket.assign(net::asio::generic::stream_protocol(family, 0), connection.get(), failed);
    if (failed) return;
    (void)connection.release();  // the socket owns it now
    socket.native_non_blocking(true, failed);
    ++open;
    auto kind = family == AF_UNIX ? sink_kind::unix_socket : sink_kind::tcp_socket;
    session::start(
        std::make_unique<session>(*this, answers, std::move(socket), kind, net::host_of(peer)));
}

// The loop is full of connections that are being served: the new one is told so.
void serving_loop::refuse(unique_fd connection) {
    metrics_.refused.add();
    iovec whole{const_cast<char*>(busy_answer.data()), busy_answer.size()};
    (void)sys::send(connection.get(), {&whole, 1}, sys::more_follows::no);
    sys::shut_sending(connection.get());
    // What has come already is taken, since closing over it would be a reset that overtakes the
    // answer.
    std::array<std::byte, 4096> unwanted;
    (void)sys::receive(connection.get(), unwanted);
}

// Closes the connection whose request has been incomplete for longest, else the one idle for
// longest.
bool serving_loop::make_room(bool among_public) {
    for (auto from : {phase::reading, phase::idle}) {
        for (auto& waiting : list_of(from)) {
            if (waiting.is_public() != among_public) continue;
            metrics_.evicted.add();
            waiting.evict();
            return true;
        }
    }
    return false;
}

void serving_loop::out_of_descriptors(const error& reason) {
    auto now = read_clock();
    if (now - last_complaint_ns_ > complaint_interval_ns) {
        last_complaint_ns_ = now;
        shared_.log.write(log_level::warning,
                          reason.message() + "; files kept open and an idle connection are closed");
    }
    files_.cache().drop_descriptors();
    (void)make_room(true);
}

void serving_loop::move_to(session& which, phase next) {
    bool linked = which.is_linked();
    // The time for a request runs from its first byte.
    if (linked && next == phase::reading && which.phase_ == phase::reading) return;
    if (linked) {
        which.unlink();
        forget(which);
    }
    which.phase_ = next;
    which.phase_since_ns_ = now_ns_;
    list_of(next).push_back(which);
    if (which.is_public()) metrics_.connections[static_cast<std::size_t>(next)].add();
}

void serving_loop::forget(const session& which) {
    if (which.is_public()) metrics_.connections[static_cast<std::size_t>(which.phase_)].subtract();
}

void serving_loop::session_ended(session& which) {
    forget(which);
    --(which.is_public() ? connections_ : admin_connections_);
    end_if_drained();
}

// ---- time ----

std::int64_t serving_loop::read_clock() noexcept {
    return now_ns_ = sys::monotonic_ns();
}

net::task<void> serving_loop::keep_time() {
    net::timer clock(context_.get_executor());
    while (true) {
        clock.expires_after(tick);
        auto [failed] = co_await clock.async_wait(net::as_result);
        if (failed) co_return;
        expire_overdue();
        access_.flush();
        metrics_.cache_bytes.set(files_.cache().bytes());
        metrics_.cache_files.set(files_.cache().descriptors());
    }
}

std::int64_t serving_loop::time_limit_ns(phase of) const noexcept {
    constexpr std::int64_t ms = 1'000'000;
    switch (of) {
        case phase::busy:
            break;
        case phase::idle:
            return is_draining() ? last_moment_ns : limits_.each.idle_timeout_ms * ms;
        case phase::reading:
            return limits_.each.head_timeout_ms * ms;
        case phase::sending:
            return limits_.each.send_timeout_ms * ms;
        case phase::lingering:
            return linger_ns;
    }
    return INT64_MAX;
}

// Each list is in the order in which its sessions entered it, so the overdue ones are at its front.
void serving_loop::expire_overdue() {
    auto now = read_clock();
    for (auto each : {phase::idle, phase::reading, phase::sending, phase::lingering}) {
        auto& waiting = list_of(each);
        auto limit = time_limit_ns(each);
        while (!waiting.empty() && now - waiting.front().phase_since_ns() > limit)
            waiting.front().expire();
    }
}

// ---- configuration and end ----

void serving_loop::use(std::shared_ptr<const site_set> sites, loop_limits limits) {
    limits_ = limits;
    files_.use(std::move(sites), limits.cache);
}

void serving_loop::drain(std::function<void()> drained) {
    drained_ = std::move(drained);
    for (auto& each : listeners_)
        each->stop();
    listeners_.clear();
    std::vector<session*> idle;
    for (auto& each : list_of(phase::idle))
        idle.push_back(&each);
    for (auto* each : idle)
        each->drain();
    end_if_drained();
}

void serving_loop::end_if_drained() {
    if (connections_ > 0 || !drained_) return;
    access_.flush();
    std::exchange(drained_, nullptr)();
}

}  // namespace sluice::http
