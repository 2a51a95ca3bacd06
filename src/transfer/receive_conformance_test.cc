// From streams into files, by every way, with the copying one as the oracle. Whatever happens, the
// bytes that left the source are in the file, or in `unwritten`, or still in the source.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <thread>
#include <tuple>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sluice/file_transfer.h>

#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/stream_pair.h"
#include "support/temporary_file.h"
#include "sys/files.h"

namespace sluice {
namespace {

using support::difference;
using support::fault_script;
using support::pair_kind;
using support::pattern;
using support::stream_pair;

constexpr std::size_t mib = 1024 * 1024;
constexpr std::array<std::size_t, 11> sizes{1,     4095,    4096,    4097,        65535,  65536,
                                            65537, mib - 1, mib + 1, 2 * mib + 7, 100'003};
constexpr std::array<std::uint64_t, 6> positions{
    0, 1, 4095, 4096, (std::uint64_t{1} << 31) + 5, (std::uint64_t{1} << 32) + 4097};

class StreamToFile : public testing::TestWithParam<std::tuple<receive_way, pair_kind>> {
  protected:
    static receive_way way() { return std::get<0>(GetParam()); }
    void SetUp() override {
        std::signal(SIGPIPE, SIG_IGN);
        open();
    }
    void open() {
        auto made = stream_pair::make(std::get<1>(GetParam()));
        if (!made) GTEST_SKIP() << made.error().message();
        pair_ = std::make_unique<stream_pair>(*std::move(made));
    }
    [[nodiscard]] byte_source source() const { return *byte_source::of(pair_->receiving_end()); }
    [[nodiscard]] receive_report take(std::uint64_t position, std::uint64_t count) const {
        return transfer_from(source(), target_, position, count, {.forced_receive = way()});
    }
    // Writes as much as the stream takes; returns how much.
    std::size_t feed(std::string_view bytes) const {
        std::size_t fed = 0;
        while (fed < bytes.size()) {
            auto count = ::write(pair_->sending_end(), bytes.data() + fed, bytes.size() - fed);
            if (count <= 0) break;
            fed += static_cast<std::size_t>(count);
        }
        return fed;
    }
    void let_both_wait() const {
        for (int end : {pair_->sending_end(), pair_->receiving_end()}) {
            int flags = ::fcntl(end, F_GETFL);
            ASSERT_EQ(::fcntl(end, F_SETFL, flags & ~O_NONBLOCK), 0);
        }
    }
    [[nodiscard]] std::string written(std::uint64_t place, std::size_t size) const {
        std::string got(size, '\0');
        auto count = target_.read_at(place, std::as_writable_bytes(std::span(got)));
        EXPECT_TRUE(count);
        got.resize(*count);
        return got;
    }

    support::temporary_file to_;
    file target_{*sys::open(to_.path(), O_RDWR), to_.path()};
    std::unique_ptr<stream_pair> pair_;
    fault_script faults_;
};

TEST_P(StreamToFile, EverySizeAtEveryPosition) {
    auto content = pattern(3 * mib);
    for (auto position : positions) {
        for (auto size : sizes) {
            SCOPED_TRACE(std::to_string(size) + " bytes to " + std::to_string(position));
            to_.resize(0);
            std::size_t fed = 0;
            std::size_t got = 0;
            while (got < size) {
                fed += feed(std::string_view(content).substr(fed, size - fed));
                ASSERT_TRUE(pair_->wait_for_either());
                auto made = take(position + got, size - got);
                ASSERT_NE(made.state, transfer_state::failed) << made.failed->message();
                got += made.bytes;
                ASSERT_EQ(made.done(), got == size);
                EXPECT_EQ(made.costs.fallback_count, 0u);
                EXPECT_EQ(made.costs.total().bytes, made.bytes);
                EXPECT_EQ(made.costs.of(way()).copied_user_kernel,
                          traits_of(way()).user_kernel_copies * made.bytes);
                EXPECT_TRUE(made.unwritten.empty());
            }
            ASSERT_EQ(difference(written(position, size + 1), content.substr(0, size)), "");
            ASSERT_EQ(*target_.size(), position + size);
        }
    }
    EXPECT_EQ(::lseek(target_.fd(), 0, SEEK_CUR), 0);
}

TEST_P(StreamToFile, WaitsForASourceThatIsNotNonBlocking) {
    let_both_wait();
    auto content = pattern(9 * mib + 3);
    std::thread feeder([&] { EXPECT_EQ(feed(content), content.size()); });
    auto made = take(7, content.size() - 5);
    feeder.join();
    ASSERT_TRUE(made.done()) << made.failed->message();
    EXPECT_EQ(made.way, way());
    EXPECT_EQ(made.bytes, content.size() - 5);
    EXPECT_EQ(difference(written(7, content.size()), content.substr(0, content.size() - 5)), "");
    EXPECT_EQ(pair_->take(5), content.substr(content.size() - 5)) << "taken beyond the count";
}

TEST_P(StreamToFile, EndsWithItsSource) {
    let_both_wait();
    auto content = pattern(300'000);
    support::temporary_file longer(pattern(600'000, 9));
    target_ = file(*sys::open(longer.path(), O_RDWR), longer.path());
    std::thread feeder([&] {
        EXPECT_EQ(feed(content), content.size());
        pair_->finish_sending();
    });
    auto made = take(10, 1 << 30);
    feeder.join();
    EXPECT_EQ(made.state, transfer_state::source_ended);
    EXPECT_EQ(made.bytes, content.size());
    EXPECT_EQ(difference(written(10, content.size()), content), "");
    EXPECT_EQ(*target_.size(), 600'000u) << "what was behind is still there";
}

TEST_P(StreamToFile, WouldBlockAtOnce) {
    auto made = take(0, 100);
    EXPECT_EQ(made.state, transfer_state::would_block);
    EXPECT_EQ(made.bytes, 0u);
    EXPECT_EQ(*target_.size(), 0u);
    EXPECT_EQ(made.costs.total().would_blocks, 1u);
}

TEST_P(StreamToFile, NothingAskedForIsDone) {
    feed("abc");
    auto made = take(0, 0);
    EXPECT_TRUE(made.done());
    EXPECT_EQ(pair_->take(3), "abc");
}

TEST_P(StreamToFile, ShortCalls) {
    auto content = pattern(20'000);
    for (std::size_t cut : {1000, 4096, 19'999}) {
        to_.resize(0);
        faults_.cut_all(cut);
        ASSERT_EQ(feed(content), content.size());
        std::size_t got = 0;
        while (got < content.size()) {
            ASSERT_TRUE(pair_->wait_for_either());
            auto made = take(got, content.size() - got);
            ASSERT_NE(made.state, transfer_state::failed) << made.failed->message();
            got += made.bytes;
        }
        ASSERT_EQ(difference(written(0, got + 1), content), "");
    }
}

// An error, a refusal, or a would-block at each call in turn: file + unwritten + what the source
// still has is the whole, in order, with nothing twice.
class StreamToFileFaults : public StreamToFile {
  protected:
    void expect_nothing_lost(sys::call call, int reason, unsigned spared) {
        SCOPED_TRACE(std::string(::strerrorname_np(reason)) + " from call " +
                     std::to_string(static_cast<int>(call)) + " after " + std::to_string(spared));
        auto content = pattern(30'000, 5);
        to_.resize(0);
        ASSERT_EQ(feed(content), content.size());
        ASSERT_TRUE(pair_->wait_for_either());
        faults_.cut_all(7'000);
        faults_.fail(call, reason, 1, spared);
        auto made = take(100, content.size());
        faults_.clear();
        auto got = written(100, content.size());
        ASSERT_EQ(got.size(), made.bytes);
        got += std::string(made.unwritten.text());
        got += pair_->take(content.size() - got.size());
        ASSERT_EQ(difference(got, content), "");
        EXPECT_EQ(made.state == transfer_state::failed, made.failed.has_value());
        if (made.failed) {
            EXPECT_TRUE(made.failed->is(reason)) << made.failed->message();
        }
        if (!made.unwritten.empty()) {
            EXPECT_EQ(made.failed->object(), to_.path());
        }
    }
};

TEST_P(StreamToFileFaults, ErrorAtEachCallLosesNothing) {
    for (auto call : {sys::call::splice, sys::call::read, sys::call::pwrite, sys::call::mmap,
                      sys::call::allocate, sys::call::truncate}) {
        for (int reason : {EIO, ENOSPC, ECONNRESET}) {
            for (unsigned spared = 0; spared < 12; ++spared)
                ASSERT_NO_FATAL_FAILURE(expect_nothing_lost(call, reason, spared));
        }
    }
}

TEST_P(StreamToFileFaults, RefusalAtEachCallFallsBackAndLosesNothing) {
    for (auto call : {sys::call::splice, sys::call::mmap, sys::call::allocate}) {
        for (int reason : {EINVAL, EOPNOTSUPP, EPERM, EAGAIN}) {
            for (unsigned spared = 0; spared < 8; ++spared)
                ASSERT_NO_FATAL_FAILURE(expect_nothing_lost(call, reason, spared));
        }
    }
}

// A real limit in place of an injected one: the file may grow no further.
TEST_P(StreamToFileFaults, FileThatIsFull) {
    std::signal(SIGXFSZ, SIG_IGN);
    auto content = pattern(60'000);
    ASSERT_EQ(feed(content), content.size());
    ASSERT_TRUE(pair_->wait_for_either());
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    rlimit tight{.rlim_cur = 25'000, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    auto made = take(0, content.size());
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(made.state, transfer_state::failed);
    EXPECT_TRUE(made.failed && made.failed->is(EFBIG));
    EXPECT_LE(made.bytes, 25'000u);
    auto got = written(0, content.size());
    EXPECT_EQ(got.size(), made.bytes);
    got += std::string(made.unwritten.text());
    got += pair_->take(content.size() - got.size());
    EXPECT_EQ(difference(got, content), "");
}

TEST_P(StreamToFileFaults, NoPipeToBeHadIsNoError) {
    std::thread([this] {  // with a pool of its own, which is empty
        refused_ways remembered;
        faults_.fail(sys::call::pipe, EMFILE);
        ASSERT_EQ(feed("content"), 7u);
        ASSERT_TRUE(pair_->wait_for_either());
        auto made = transfer_from(source(), target_, 0, 7,
                                  {.forced_receive = way(), .remembered = &remembered});
        EXPECT_TRUE(made.done());
        EXPECT_EQ(written(0, 8), "content");
        EXPECT_FALSE(remembered.receiving.contains(way())) << "there may be pipes again";
    })
        .join();
}

TEST_P(StreamToFileFaults, RefusalIsRemembered) {
    if (way() != receive_way::splice) GTEST_SKIP() << "never refused";
    refused_ways remembered;
    file_transfer_options options{.forced_receive = way(), .remembered = &remembered};
    faults_.fail(sys::call::splice, EINVAL);
    for (int round = 0; round < 3; ++round) {
        ASSERT_EQ(feed("content"), 7u);
        ASSERT_TRUE(pair_->wait_for_either());
        auto made = transfer_from(source(), target_, 0, 7, options);
        ASSERT_TRUE(made.done()) << made.failed->message();
        EXPECT_EQ(made.way, receive_way::read_write);
        ASSERT_EQ(made.costs.fallbacks().size(), round == 0 ? 1u : 0u);
    }
    EXPECT_EQ(faults_.count(sys::call::splice), 1u);
    EXPECT_TRUE(remembered.receiving.contains(receive_way::splice));
    EXPECT_EQ(remembered.receiving_reason[static_cast<std::size_t>(receive_way::splice)], EINVAL);
}

std::string name_of_case(const testing::TestParamInfo<StreamToFile::ParamType>& info) {
    return std::string(name_of(std::get<0>(info.param))) + "_from_" +
           std::string(support::name_of(std::get<1>(info.param)));
}

constexpr auto every_way = {receive_way::read_write, receive_way::splice,
                            receive_way::mapped_receive};
constexpr auto every_source = {pair_kind::tcp, pair_kind::unix_socket, pair_kind::pipe,
                               pair_kind::tcp_veth};

INSTANTIATE_TEST_SUITE_P(Streams, StreamToFile,
                         testing::Combine(testing::ValuesIn(every_way),
                                          testing::ValuesIn(every_source)),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(Streams, StreamToFileFaults,
                         testing::Combine(testing::ValuesIn(every_way),
                                          testing::Values(pair_kind::tcp, pair_kind::unix_socket,
                                                          pair_kind::pipe)),
                         name_of_case);

TEST(StreamToFileChoice, BySizeAndKind) {
    struct {
        pair_kind kind;
        std::size_t count;
        receive_way way;
    } rows[] = {{pair_kind::tcp, 64 * 1024, receive_way::splice},
                {pair_kind::tcp, 64 * 1024 - 1, receive_way::read_write},
                {pair_kind::unix_socket, 64 * 1024, receive_way::splice},
                {pair_kind::pipe, 1, receive_way::splice}};
    for (const auto& each : rows) {
        auto pair = stream_pair::make(each.kind);
        ASSERT_TRUE(pair);
        support::temporary_file to;
        file target(*sys::open(to.path(), O_RDWR), to.path());
        ASSERT_EQ(::write(pair->sending_end(), "x", 1), 1);
        ASSERT_TRUE(pair->wait_for_either());
        auto made = transfer_from(*byte_source::of(pair->receiving_end()), target, 0, each.count);
        EXPECT_EQ(made.bytes, 1u);
        EXPECT_EQ(made.way, each.way) << support::name_of(each.kind) << " " << each.count;
    }
}

}  // namespace
}  // namespace sluice
