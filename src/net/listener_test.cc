#include "net/listener.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "net/address.h"
#include "support/comes_true.h"
#include "support/fault_script.h"

namespace sluice::net {
namespace {

using support::comes_true;

class Listener : public testing::Test {
  protected:
    Listener() {
        auto made = sys::listen_on(*parse_address("127.0.0.1:0"), 1024, sys::port_sharing::first);
        address_ = *sys::local_address(made->get());
        listener_ = std::make_unique<listener>(
            context_.get_executor(), *std::move(made),
            listener::callbacks{[this](unique_fd connection, const sys::socket_address& peer) {
                                    peers_.push_back(host_of(peer));
                                    accepted_.push_back(std::move(connection));
                                    ++count_;
                                },
                                [this](const error& reason) {
                                    EXPECT_TRUE(reason.is(EMFILE) || reason.is(ENFILE))
                                        << reason.message();
                                    ++exhausted_;
                                }});
    }
    ~Listener() override {
        context_.stop();
        if (loop_.joinable()) loop_.join();
    }
    void start() {
        listener_->start();
        loop_ = std::thread([this] { context_.run(); });
    }
    // In the loop's thread, and waits until it is done.
    void in_loop(const std::function<void()>& act) {
        std::atomic<bool> done{false};
        asio::post(context_, [&] {
            act();
            done = true;
        });
        EXPECT_TRUE(comes_true([&] { return done.load(); }));
    }
    bool connect() {
        unique_fd caller(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        bool connected = ::connect(caller.get(), reinterpret_cast<sockaddr*>(&address_.storage),
                                   address_.size) == 0;
        callers_.push_back(std::move(caller));
        return connected;
    }

    support::fault_script script_;  // first: outlives every thread
    asio::io_context context_{1};
    asio::executor_work_guard<executor> guard_{context_.get_executor()};
    sys::socket_address address_;
    std::unique_ptr<listener> listener_;
    std::vector<unique_fd> accepted_, callers_;
    std::vector<std::string> peers_;
    std::atomic<int> count_{0}, exhausted_{0};
    std::thread loop_;
};

TEST_F(Listener, HandsOverConnectionsWithTheirPeers) {
    EXPECT_EQ(listener_->name(), text_of(address_));
    ASSERT_TRUE(connect());  // before it starts
    start();
    ASSERT_TRUE(connect());
    ASSERT_TRUE(comes_true([&] { return count_ == 2; }));
    in_loop([&] { EXPECT_EQ(peers_, (std::vector<std::string>{"127.0.0.1", "127.0.0.1"})); });
}

TEST_F(Listener, TakesMoreThanATurnsWorth) {
    for (int count = 0; count < 200; ++count)
        ASSERT_TRUE(connect());
    start();
    EXPECT_TRUE(comes_true([&] { return count_ == 200; }));
}

TEST_F(Listener, GoesOnWhenDescriptorsAreThereAgain) {
    support::fault_rules faults(script_);
    faults->fail(sys::call::accept, EMFILE, 2);
    start();
    ASSERT_TRUE(connect());
    EXPECT_TRUE(comes_true([&] { return count_ == 1; }));
    EXPECT_EQ(exhausted_, 2);
    ASSERT_TRUE(connect());
    EXPECT_TRUE(comes_true([&] { return count_ == 2; }));
}

TEST_F(Listener, DoesNotSpinWithoutDescriptors) {
    support::fault_rules faults(script_);
    faults->fail(sys::call::accept, ENFILE);
    start();
    ASSERT_TRUE(connect());
    ASSERT_TRUE(comes_true([&] { return exhausted_ >= 2; }));
    auto before = exhausted_.load();
    auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
    while (std::chrono::steady_clock::now() < until)
        std::this_thread::yield();
    EXPECT_LE(exhausted_ - before, 20);
    EXPECT_EQ(count_, 0);
}

// Whoever has connected before stop() is served.
TEST_F(Listener, StoppingTakesWhatWaits) {
    start();
    in_loop([&] {
        for (int count = 0; count < 100; ++count)
            ASSERT_TRUE(connect());
        listener_->stop();
        EXPECT_EQ(count_, 100);
        listener_->stop();  // nothing more
    });
    EXPECT_FALSE(connect());
    EXPECT_EQ(count_, 100);
}

TEST_F(Listener, MayGoOnceStopped) {
    start();
    ASSERT_TRUE(connect());
    ASSERT_TRUE(comes_true([&] { return count_ == 1; }));
    in_loop([&] {
        listener_->stop();
        listener_.reset();
    });
    in_loop([] {});
    EXPECT_FALSE(connect());
}

TEST_F(Listener, MayGoWhilePausing) {
    support::fault_rules faults(script_);
    faults->fail(sys::call::accept, EMFILE);
    start();
    ASSERT_TRUE(connect());
    ASSERT_TRUE(comes_true([&] { return exhausted_ >= 1; }));
    in_loop([&] {
        listener_->stop();
        listener_.reset();
    });
    guard_.reset();
    loop_.join();  // nothing is left to do, once the pause is over
    EXPECT_EQ(count_, 0);
}

}  // namespace
}  // namespace sluice::net
