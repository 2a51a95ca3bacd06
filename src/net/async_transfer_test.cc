#include "net/async_transfer.h"

#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include <gtest/gtest.h>
#include <unistd.h>

#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/stream_pair.h"
#include "support/temporary_file.h"

namespace sluice::net {
namespace {

using support::difference;
using support::pattern;

class AsyncTransfer : public testing::Test, public transfer_observer {
  protected:
    AsyncTransfer() : pair_(*support::stream_pair::make(support::pair_kind::unix_socket)) {
        socket_.assign(asio::generic::stream_protocol(AF_UNIX, 0), ::dup(pair_.sending_end()));
        out_ = std::make_unique<transfer>(sink(socket_.native_handle(), sink_kind::unix_socket));
    }
    void waits_for_peer() override { ++peer_waits_; }
    void waits_for_disk() override { ++disk_waits_; }

    // Runs it to its end while this thread's other half takes what arrives.
    result<progress_state> run(pace how = {}) {
        std::optional<result<progress_state>> ended;
        asio::co_spawn(
            loop_,
            [&]() -> task<void> {
                ended = co_await async_transfer(*out_, socket_, disk_, how, *this);
            },
            asio::detached);
        auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!ended && std::chrono::steady_clock::now() < deadline) {
            loop_.restart();
            loop_.run_for(std::chrono::milliseconds(1));
            received_ += pair_.take_arrived();
        }
        received_ += pair_.take_arrived();
        EXPECT_TRUE(ended);
        return ended ? *std::move(ended) : failure(ETIMEDOUT, "test");
    }

    support::stream_pair pair_;
    asio::io_context loop_{1};
    workers disk_{1};
    stream_socket socket_{loop_.get_executor()};
    std::unique_ptr<transfer> out_;
    std::string received_;
    int peer_waits_ = 0;
    int disk_waits_ = 0;
};

TEST_F(AsyncTransfer, SendsEverythingAndWaitsForThePeer) {
    auto content = pattern(3'000'000);
    support::temporary_file file(content);
    out_->pieces().append(buffer_slice::of_static("head"));
    out_->pieces().append(file.open().region(0, content.size()));
    auto ended = run();
    ASSERT_TRUE(ended);
    EXPECT_EQ(*ended, progress_state::done);
    EXPECT_EQ(difference(received_, "head" + content), "");
    EXPECT_GT(peer_waits_, 0);
}

TEST_F(AsyncTransfer, GivesOthersTheirTurn) {
    out_->pieces().append(buffer_slice::copy_of(as_bytes(pattern(100'000))));
    int turns = 0;
    std::function<void()> other = [&] {
        if (out_->pieces().empty()) return;
        ++turns;
        asio::post(loop_, other);
    };
    asio::post(loop_, other);
    ASSERT_TRUE(run({.turn_bytes = 1000}));
    EXPECT_GE(turns, 50);
    EXPECT_EQ(difference(received_, pattern(100'000)), "");
}

TEST_F(AsyncTransfer, KeepsToTheRate) {
    out_->pieces().append(buffer_slice::copy_of(as_bytes(pattern(30'000))));
    auto begun = std::chrono::steady_clock::now();
    ASSERT_TRUE(run({.bytes_per_second = 100'000}));
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    EXPECT_GE(took.count(), 0.19);  // less what may go at once
    EXPECT_LT(took.count(), 5);
    EXPECT_EQ(difference(received_, pattern(30'000)), "");
}

TEST_F(AsyncTransfer, WarmsWhatIsCold) {
    auto content = pattern(200'000);
    support::temporary_file file(content);
    out_->pieces().append(file.open().region(0, content.size()));
    support::fault_script faults;
    faults.fail(sys::call::cachestat, EPERM);
    faults.fail(sys::call::pread, EAGAIN, 1);
    auto ended = run();
    ASSERT_TRUE(ended) << ended.error().message();
    EXPECT_EQ(disk_waits_, 1);
    EXPECT_EQ(out_->costs().cold_chunks, 1u);
    EXPECT_EQ(difference(received_, content), "");
}

TEST_F(AsyncTransfer, AnErrorOfTheDiskNamesTheFile) {
    support::temporary_file file(pattern(200'000));
    out_->pieces().append(file.open().region(0, 200'000));
    support::fault_script faults;
    faults.fail(sys::call::cachestat, EPERM);
    faults.fail(sys::call::pread, EAGAIN);
    faults.fail(sys::call::sendfile, EIO);
    auto ended = run();
    ASSERT_FALSE(ended);
    EXPECT_TRUE(ended.error().is(EIO));
    EXPECT_EQ(ended.error().object(), file.path());
    EXPECT_EQ(received_, "");
}

TEST_F(AsyncTransfer, AFileThatIsTooShort) {
    support::temporary_file file(pattern(100'000));
    auto opened = file.open();
    file.resize(50'000);
    out_->pieces().append(opened.region(0, 100'000));
    auto ended = run();
    ASSERT_TRUE(ended);
    EXPECT_EQ(*ended, progress_state::source_truncated);
    EXPECT_EQ(out_->truncated_file(), file.path());
    EXPECT_EQ(difference(received_, pattern(50'000)), "");
}

TEST_F(AsyncTransfer, ASocketThatIsClosedMeanwhileEndsIt) {
    out_->pieces().append(buffer_slice::copy_of(as_bytes(pattern(5'000'000))));
    std::optional<result<progress_state>> ended;
    asio::co_spawn(
        loop_,
        [&]() -> task<void> { ended = co_await async_transfer(*out_, socket_, disk_, {}, *this); },
        asio::detached);
    loop_.poll();
    ASSERT_EQ(peer_waits_, 1);
    socket_.close();
    loop_.restart();
    loop_.run();
    ASSERT_TRUE(ended);
    ASSERT_FALSE(*ended);
    EXPECT_TRUE(ended->error().is(ECONNABORTED));
}

}  // namespace
}  // namespace sluice::net
