// A loop in the test's own process, under faults that no client can bring about.
#include "http/serving_loop.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "http/addresses.h"
#include "support/comes_true.h"
#include "support/fault_script.h"
#include "support/http_client.h"
#include "support/pattern.h"
#include "support/served_tree.h"
#include "sys/descriptors.h"

namespace sluice::http {
namespace {

using support::comes_true;
using support::difference;
using support::http_client;
using support::pattern;

// Waits for something that another thread brings about, at most ten seconds.
class ServingLoop : public testing::Test {
  protected:
    ServingLoop() {
        sys::ignore_broken_pipes();
        config_.log.error = folder_.path() + "/error.log";
        config_.log.access = folder_.path() + "/access.log";
    }
    ~ServingLoop() override { stop(); }

    void start() {
        logs_ = *logs::open(config_.log);
        disk_ = std::make_unique<net::workers>(2);
        lookups_ = std::make_unique<net::workers>(2);
        shared_parts shared{*logs_, *disk_, *lookups_, draining_, [] { return std::string(); }};
        loop_limits limits{.each = config_.limits,
                           .connections = config_.limits.connections,
                           .cache = {},
                           .forced = config_.forced};
        loop_ = std::make_unique<serving_loop>(shared, files_.serve(config_), limits);
        auto made = listen_on("127.0.0.1:0", 1);
        ASSERT_TRUE(made);
        bound_ = made->bound;
        loop_->listen(std::move(made->sockets.front()), false);
        loop_->start();
    }
    // In the order that a server keeps: what still runs elsewhere goes before the loops.
    void stop() {
        if (!loop_) return;
        loop_->stop();
        loop_->join();
        disk_.reset();
        lookups_.reset();
        loop_.reset();
        logs_.reset();
    }
    void drain() {
        draining_ = true;
        loop_->post([this] { loop_->drain([this] { drained_ = true; }); });
    }
    std::string error_log() {
        std::ifstream in(config_.log.error);
        std::ostringstream text;
        text << in.rdbuf();
        return text.str();
    }
    bool log_comes_to_say(const std::string& what) {
        return comes_true([&] { return error_log().find(what) != std::string::npos; });
    }
    [[nodiscard]] std::uint64_t open_connections() const {
        std::uint64_t count = 0;
        for (const auto& each : loop_->metrics().connections)
            count += each.get();
        return count;
    }
    [[nodiscard]] std::uint64_t waiting_in(phase which) const {
        return loop_->metrics().connections[static_cast<std::size_t>(which)].get();
    }

    support::fault_script script_;  // first: outlives every thread
    support::served_tree files_;
    support::temporary_directory folder_;
    server_config config_;
    std::unique_ptr<logs> logs_;
    std::atomic<bool> draining_{false};
    std::atomic<bool> drained_{false};
    std::unique_ptr<net::workers> disk_;
    std::unique_ptr<net::workers> lookups_;
    std::unique_ptr<serving_loop> loop_;
    std::string bound_;
};

// ---- bytes ----

TEST_F(ServingLoop, ShortCallsAreGoneOnWith) {
    const std::size_t sizes[] = {0, 1, 16384, 16385, 20000};
    for (auto size : sizes)
        files_.write(std::to_string(size), pattern(size));
    start();
    for (std::size_t cut : {1, 7, 1000, 16384, 16385}) {
        support::fault_rules faults(script_);
        faults->cut(sys::call::sendmsg, cut);
        faults->cut(sys::call::sendfile, cut);
        faults->cut(sys::call::pread, cut);
        faults->cut(sys::call::read, cut);
        http_client client(bound_);
        for (auto size : sizes) {
            auto got = client.fetch("/" + std::to_string(size));
            EXPECT_EQ(got.status, 200) << cut;
            EXPECT_TRUE(got.whole) << cut;
            EXPECT_EQ(difference(got.body, pattern(size)), "") << cut;
        }
    }
}

TEST_F(ServingLoop, EveryMechanismUnderShortCallsAndFullSockets) {
    files_.write("a", pattern(300'000));
    for (auto way :
         {mechanism::read_write, mechanism::mapped_write, mechanism::sendfile, mechanism::splice}) {
        config_.forced = way;
        start();
        support::fault_rules faults(script_);
        faults->cut_all(30'011);
        http_client client(bound_);
        for (auto made : {sys::call::sendmsg, sys::call::sendfile, sys::call::splice}) {
            for (unsigned spared : {0u, 1u, 4u}) {
                faults->fail(made, EAGAIN, 3, spared);
                auto got = client.fetch("/a");
                EXPECT_EQ(got.status, 200) << name_of(way);
                ASSERT_EQ(difference(got.body, pattern(300'000)), "")
                    << name_of(way) << " " << static_cast<int>(made) << " " << spared;
            }
            faults->fail(made, 0, 0);
        }
        stop();
    }
}

TEST_F(ServingLoop, PipelinedRequestsUnderShortReads) {
    files_.write("a", "first");
    files_.write("b", pattern(50'000));
    start();
    for (std::size_t cut : {1, 2, 3, 64, 100000}) {
        support::fault_rules faults(script_);
        faults->cut(sys::call::read, cut);
        http_client client(bound_);
        client.send(
            "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            "5\r\nhello\r\n0\r\nX: y\r\n\r\n"
            "GET /b HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n1234567"
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        EXPECT_EQ(client.read().body, "first") << cut;
        EXPECT_EQ(client.read().status, 405) << cut;
        EXPECT_EQ(difference(client.read().body, pattern(50'000)), "") << cut;
        EXPECT_EQ(client.read().body, "first") << cut;
        EXPECT_EQ(client.read_to_end(), "") << cut;
    }
}

TEST_F(ServingLoop, ASlowReaderGetsEveryByte) {
    auto content = pattern(5'000'000);
    files_.write("a", content);
    start();
    http_client slow(bound_, 4096);
    slow.get("/a");
    ASSERT_TRUE(comes_true([&] { return waiting_in(phase::sending) == 1; }));
    http_client other(bound_);
    EXPECT_EQ(other.fetch("/a", "Range: bytes=0-9\r\n").body, content.substr(0, 10));
    EXPECT_EQ(difference(slow.read().body, content), "");
}

// ---- the disk ----

TEST_F(ServingLoop, AnErrorOfTheDiskBeforeAnythingWasSentIs500) {
    files_.write("small", "x");
    files_.write("large", pattern(100'000));
    start();
    for (const auto* path : {"/small", "/large"}) {
        // Neither in the loop, where it would have to wait, nor off it.
        http_client client(bound_);
        {
            support::fault_rules faults(script_);
            faults->fail(sys::call::cachestat, EPERM);
            faults->fail(sys::call::pread, EIO);
            faults->fail(sys::call::sendfile, EIO);
            auto got = client.fetch(path);
            EXPECT_EQ(got.status, 500) << path;
            EXPECT_TRUE(got.whole);
            EXPECT_TRUE(log_comes_to_say(std::string(path + 1) + ": Input/output error"))
                << error_log();
        }
        EXPECT_EQ(client.fetch(path).status, 200) << "the connection stays";
    }
}

TEST_F(ServingLoop, AnErrorOfTheDiskWithinABodyEndsTheConnection) {
    files_.write("large", pattern(3'000'000));
    start();
    support::fault_rules faults(script_);
    faults->fail(sys::call::sendfile, EIO, support::fault_script::always, 1);
    http_client client(bound_);
    auto got = client.fetch("/large");
    EXPECT_EQ(got.status, 200);
    EXPECT_FALSE(got.whole);
    EXPECT_EQ(got.body, pattern(3'000'000).substr(0, got.body.size()));
    EXPECT_TRUE(log_comes_to_say("large: Input/output error")) << error_log();
    faults->fail(sys::call::sendfile, 0, 0);
    EXPECT_EQ(http_client(bound_).fetch("/large").body.size(), 3'000'000u);
}

// After 100 (Continue) nothing of the response has been sent yet.
TEST_F(ServingLoop, AnErrorOfTheDiskAfterContinueIs500Too) {
    files_.write("large", pattern(100'000));
    start();
    http_client client(bound_);
    support::fault_rules faults(script_);
    faults->fail(sys::call::cachestat, EPERM);
    faults->fail(sys::call::pread, EAGAIN);
    faults->fail(sys::call::sendfile, EIO);
    client.get("/large", "Content-Length: 1\r\nExpect: 100-continue\r\n");
    EXPECT_EQ(client.read().status, 100);
    client.send("x");
    EXPECT_EQ(client.read().status, 500);
}

TEST_F(ServingLoop, SendfileThatIsNotSupportedIsReplacedAndCounted) {
    files_.write("large", pattern(100'000));
    start();
    auto metric = [] {
        loop_metrics none;
        const loop_metrics* loops[] = {&none};
        auto text = metrics_text(loops, {}, 0);
        auto at = text.find("sluice_fallbacks_total{from=\"sendfile\",to=\"splice\"");
        return at == std::string::npos ? 0.0 : std::stod(text.substr(text.find("} ", at) + 2));
    };
    auto before = metric();
    support::fault_rules faults(script_);
    faults->fail(sys::call::sendfile, ENOSYS);
    http_client client(bound_);
    EXPECT_EQ(difference(client.fetch("/large").body, pattern(100'000)), "");
    EXPECT_EQ(metric(), before + 1);
}

// ---- descriptors ----

TEST_F(ServingLoop, GoesOnAcceptingAfterDescriptorsRanOut) {
    files_.write("a", "x");
    start();
    support::fault_rules faults(script_);
    faults->fail(sys::call::accept, EMFILE, 3);
    http_client client(bound_);
    EXPECT_EQ(client.fetch("/a").status, 200);
    EXPECT_TRUE(log_comes_to_say("Too many open files"));
}

TEST_F(ServingLoop, RunningOutOfDescriptorsDoesNotSpin) {
    start();
    support::fault_rules faults(script_);
    faults->fail(sys::call::accept, EMFILE);
    http_client client(bound_);
    ASSERT_TRUE(comes_true([&] { return faults->count(sys::call::accept) >= 3; }));
    auto before = faults->count(sys::call::accept);
    auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
    while (std::chrono::steady_clock::now() < until)
        std::this_thread::yield();
    EXPECT_LT(faults->count(sys::call::accept) - before, 50u);
}

TEST_F(ServingLoop, NoDescriptorForAFileIs503) {
    files_.write("a", "x");
    files_.write("b", "x");
    start();
    http_client client(bound_);
    EXPECT_EQ(client.fetch("/a").status, 200);
    {
        support::fault_rules faults(script_);
        faults->fail(sys::call::open, EMFILE);
        auto got = client.fetch("/b");
        EXPECT_EQ(got.status, 503);
        EXPECT_NE(got.head.find("Retry-After: 1\r\n"), std::string::npos);
    }
    EXPECT_EQ(client.fetch("/b").status, 200);
    EXPECT_TRUE(log_comes_to_say("b: Too many open files")) << error_log();
}

// ---- requests ----

TEST_F(ServingLoop, AFloodOfEmptyLinesIsRefused) {
    config_.limits.head_timeout_ms = 3'600'000;  // it must not be the time that ends it
    start();
    http_client client(bound_);
    std::string flood;
    for (int count = 0; count < 10'000; ++count)
        flood += "\r\n";
    client.send(flood);
    auto got = client.read();
    EXPECT_GE(got.status, 400);
    EXPECT_NE(got.head.find("Connection: close\r\n"), std::string::npos);
}

TEST_F(ServingLoop, LimitsOfBodies) {
    config_.limits.body_bytes = 10;
    files_.write("a", "x");
    start();
    auto chunked = [&](const std::string& body) {
        http_client client(bound_);
        client.get("/a", "Transfer-Encoding: chunked\r\n");
        client.send(body);
        return client.read().status;
    };
    EXPECT_EQ(chunked("a\r\n0123456789\r\n0\r\n\r\n"), 200);
    EXPECT_EQ(chunked("b\r\n"), 413);
    EXPECT_EQ(chunked("5\r\n01234\r\n6\r\n"), 413);
    EXPECT_EQ(chunked("ffffffffffffffff\r\n"), 413);
    EXPECT_EQ(chunked("x\r\n"), 400);
    EXPECT_EQ(chunked("1;" + std::string(20'000, 'e')), 431);
    http_client client(bound_);
    EXPECT_EQ(client.fetch("/a", "Content-Length: 11\r\n").status, 413);
}

TEST_F(ServingLoop, AfterTheLastRequestTheConnectionCloses) {
    config_.limits.requests = 2;
    files_.write("a", "x");
    start();
    http_client client(bound_);
    EXPECT_EQ(client.fetch("/a").head.find("Connection: close"), std::string::npos);
    EXPECT_NE(client.fetch("/a").head.find("Connection: close"), std::string::npos);
    EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(ServingLoop, CountsAndLogsRequests) {
    files_.write("a", "hello");
    start();
    http_client client(bound_);
    (void)client.fetch("/a");
    (void)client.fetch("/nothing");
    auto counted = [&](int status) {
        auto at = std::ranges::find(counted_statuses, status) - counted_statuses.begin();
        return loop_->metrics()
            .requests[static_cast<std::size_t>(request_method::get)][static_cast<std::size_t>(at)]
            .get();
    };
    EXPECT_TRUE(comes_true([&] { return counted(200) == 1 && counted(404) == 1; }));
    EXPECT_TRUE(comes_true([&] {
        std::ifstream in(config_.log.access);
        std::string first, second;
        return std::getline(in, first) && std::getline(in, second) &&
               first.find("\"GET /a HTTP/1.1\" 200 5 ") != std::string::npos &&
               second.find("\"GET /nothing HTTP/1.1\" 404 ") != std::string::npos;
    }));
}

TEST_F(ServingLoop, AFullDiskUnderTheLogDoesNotHurtRequests) {
    files_.write("a", "hello");
    start();
    support::fault_rules faults(script_);
    faults->fail(sys::call::write, ENOSPC);
    http_client client(bound_);
    EXPECT_EQ(client.fetch("/a").body, "hello");
    EXPECT_TRUE(comes_true([&] { return logs_->dropped() == 1; }));
    EXPECT_EQ(client.fetch("/a").body, "hello");
}

// ---- limits ----

TEST_F(ServingLoop, ConnectionsThatWaitMakeRoom) {
    config_.limits.connections = 2;
    files_.write("a", "x");
    start();
    http_client idle(bound_), reading(bound_);
    (void)idle.fetch("/a");
    reading.send("GET /a HTTP");
    ASSERT_TRUE(comes_true(
        [&] { return waiting_in(phase::idle) == 1 && waiting_in(phase::reading) == 1; }));
    http_client third(bound_);  // takes the place of the incomplete request
    EXPECT_EQ(third.fetch("/a").status, 200);
    EXPECT_EQ(reading.read_to_end(), "");
    EXPECT_EQ(idle.fetch("/a").status, 200);
    http_client fourth(bound_);  // takes the place of the one that is idle for longest
    EXPECT_EQ(fourth.fetch("/a").status, 200);
    EXPECT_EQ(third.read_to_end(), "");
    EXPECT_EQ(loop_->metrics().evicted.get(), 2u);
}

TEST_F(ServingLoop, WithoutRoomANewConnectionIsRefused) {
    config_.limits.connections = 1;
    files_.write("large", pattern(20'000'000));
    start();
    http_client busy(bound_, 4096);
    busy.get("/large");
    ASSERT_TRUE(comes_true([&] { return waiting_in(phase::sending) == 1; }));
    http_client refused(bound_);
    auto got = refused.read();
    EXPECT_EQ(got.status, 503);
    EXPECT_NE(got.head.find("Retry-After: 1\r\n"), std::string::npos);
    EXPECT_EQ(loop_->metrics().refused.get(), 1u);
}

TEST_F(ServingLoop, TimesOfConnections) {
    config_.limits.head_timeout_ms = 50;
    config_.limits.idle_timeout_ms = 50;
    config_.limits.send_timeout_ms = 50;
    files_.write("a", "x");
    files_.write("large", pattern(20'000'000));
    start();
    http_client late(bound_), idle(bound_), late_body(bound_), stuck(bound_, 4096);
    late.send("GET / HTTP/1.1\r\n");
    EXPECT_EQ(idle.fetch("/a").status, 200);
    late_body.get("/a", "Content-Length: 5\r\n");
    stuck.get("/large");
    EXPECT_EQ(late.read().status, 408);
    EXPECT_EQ(late_body.read().status, 408);
    EXPECT_EQ(idle.read_to_end(), "");
    EXPECT_TRUE(comes_true([&] { return waiting_in(phase::sending) == 0; }));
    EXPECT_LT(stuck.read_to_end().size(), 20'000'000u);
}

// ---- the end ----

TEST_F(ServingLoop, DrainingAnswersWhatWasAskedAndCloses) {
    auto content = pattern(10'000'000);
    files_.write("large", content);
    files_.write("a", "x");
    start();
    http_client idle(bound_), busy(bound_, 4096);
    (void)idle.fetch("/a");
    busy.get("/large");
    ASSERT_TRUE(comes_true(
        [&] { return waiting_in(phase::sending) == 1 && waiting_in(phase::idle) == 1; }));
    drain();
    EXPECT_EQ(idle.read_to_end(), "");
    EXPECT_FALSE(drained_);
    EXPECT_EQ(difference(busy.read().body, content), "");
    EXPECT_EQ(busy.read_to_end(), "");  // it does not wait for another request
    EXPECT_TRUE(comes_true([&] { return drained_.load(); }));
    EXPECT_EQ(open_connections(), 0u);
}

TEST_F(ServingLoop, DrainingFinishesARequestThatHasBegun) {
    files_.write("a", "x");
    start();
    http_client client(bound_);
    client.send("GET /a HT");
    ASSERT_TRUE(comes_true([&] { return waiting_in(phase::reading) == 1; }));
    drain();
    client.send("TP/1.1\r\nHost: a\r\n\r\n");
    auto got = client.read();
    EXPECT_EQ(got.status, 200);
    EXPECT_NE(got.head.find("Connection: close\r\n"), std::string::npos);
    EXPECT_TRUE(comes_true([&] { return drained_.load(); }));
}

TEST_F(ServingLoop, DrainingNothingIsDoneAtOnce) {
    start();
    drain();
    EXPECT_TRUE(comes_true([&] { return drained_.load(); }));
}

// Work in another thread is under way when the loop goes: it must not come back to it.
TEST_F(ServingLoop, StopsWhileWorkIsUnderWayElsewhere) {
    files_.write("a", "x");
    start();
    std::atomic<bool> begun{false}, held{true};
    support::fault_rules faults(script_);
    http_client client(bound_);
    faults->fail(sys::call::open, EAGAIN, 1);
    faults->before(sys::call::pread, [&] {
        begun = true;
        while (held)
            std::this_thread::yield();
    });
    client.get("/a");
    ASSERT_TRUE(comes_true([&] { return begun.load(); }));
    std::thread release([&] {
        loop_->join();
        held = false;
    });
    loop_->stop();
    release.join();
    stop();
    EXPECT_EQ(client.read_to_end(), "");
}

}  // namespace
}  // namespace sluice::http
