// Every mechanism into every kind of sink, held to the same rules, with the copying mechanism as
// the oracle.
#include <array>
#include <csignal>
#include <tuple>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <sluice/transfer.h>

#include "support/delivery.h"
#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/stream_pair.h"
#include "support/temporary_file.h"

namespace sluice {
namespace {

using support::deliver;
using support::difference;
using support::pair_kind;
using support::pattern;
using support::stream_pair;

constexpr std::size_t mib = 1024 * 1024;
constexpr std::array<std::size_t, 15> sizes{0,    1,       2,       4095,    4096,
                                            4097, 65535,   65536,   65537,   mib - 1,
                                            mib,  mib + 1, 2 * mib, 3 * mib, 100'003};
constexpr std::array<std::uint64_t, 6> positions{
    0, 1, 4095, 4096, (std::uint64_t{1} << 31) + 5, (std::uint64_t{1} << 32) + 4097};
constexpr std::size_t size_max = 3 * mib;

// One sparse file for all tests: the pattern of its position begins at each position.
class source_file {
  public:
    source_file() {
        content_ = pattern(4096 + size_max);
        written_.write_at(0, content_);
        for (auto position : {positions[4], positions[5]})
            written_.write_at(position, content_.substr(0, size_max));
        opened_ = written_.open();
    }
    [[nodiscard]] const file& opened() const { return *opened_; }
    [[nodiscard]] std::string expected(std::uint64_t position, std::size_t size) const {
        return content_.substr(position > 4096 ? 0 : static_cast<std::size_t>(position), size);
    }

  private:
    support::temporary_file written_;
    std::string content_;
    std::optional<file> opened_;
};

transfer_options forced_to(mechanism way) {
    return {.sizes = {}, .forced = way, .check_residency = true};
}

class Conformance : public testing::TestWithParam<std::tuple<mechanism, pair_kind>> {
  protected:
    static void SetUpTestSuite() {
        // As every program has to that sends: sendfile and splice know no MSG_NOSIGNAL.
        std::signal(SIGPIPE, SIG_IGN);
        source_ = std::make_unique<source_file>();
    }
    static void TearDownTestSuite() { source_.reset(); }

    [[nodiscard]] static mechanism way() { return std::get<0>(GetParam()); }
    [[nodiscard]] static pair_kind into() { return std::get<1>(GetParam()); }
    [[nodiscard]] static const source_file& source() { return *source_; }

    // Makes the pair and the transfer; skips where this machine has no such sink.
    void open(stream_pair::room buffers = stream_pair::room::usual) {
        auto made = stream_pair::make(into(), buffers);
        if (!made)
            GTEST_SKIP() << "no " << support::name_of(into()) << ": " << made.error().message();
        pair_ = std::make_unique<stream_pair>(*std::move(made));
        auto to = sink::of(pair_->sending_end());
        ASSERT_TRUE(to) << to.error().message();
        out_ = std::make_unique<transfer>(*to, forced_to(way()));
    }

    // Sends one region and checks bytes, state and ledger.
    void expect_delivered(std::uint64_t position, std::size_t size) {
        SCOPED_TRACE(std::to_string(size) + " bytes from " + std::to_string(position));
        out_->reset_costs();
        out_->pieces().append(source().opened().region(position, size));
        auto made = deliver(*out_, *pair_);
        ASSERT_TRUE(made.done()) << made.text();
        ASSERT_EQ(difference(made.received, source().expected(position, size)), "");
        EXPECT_EQ(made.reported, size);
        EXPECT_TRUE(out_->pieces().empty());
        expect_costs(size, 0);
    }

    void expect_costs(std::uint64_t file_bytes, std::uint64_t memory_bytes) {
        const auto& costs = out_->costs();
        EXPECT_EQ(costs.fallback_count, 0u);
        EXPECT_EQ(costs.of(way()).bytes, file_bytes);
        EXPECT_EQ(costs.of(mechanism::gathered_write).bytes, memory_bytes);
        EXPECT_EQ(costs.total().bytes, file_bytes + memory_bytes);
        EXPECT_EQ(costs.total().copied_user, 0u);
        auto copied = traits_of(way()).user_kernel_copies * file_bytes;
        // What a sink did not take is read once more.
        bool exact = way() != mechanism::read_write || into() == pair_kind::regular_file;
        if (exact) {
            EXPECT_EQ(costs.of(way()).copied_user_kernel, copied);
        } else {
            EXPECT_GE(costs.of(way()).copied_user_kernel, copied);
        }
        if (file_bytes > 0) {
            EXPECT_GT(costs.of(way()).calls, 0u);
            EXPECT_EQ(costs.foremost(), way());
        }
    }

    std::unique_ptr<stream_pair> pair_;
    std::unique_ptr<transfer> out_;

  private:
    static inline std::unique_ptr<source_file> source_;
};

// A regular file is never full and has no other end that could go away.
class ConformanceWithPeer : public Conformance {};

TEST_P(Conformance, EverySizeAtEveryPosition) {
    ASSERT_NO_FATAL_FAILURE(open());
    if (!out_) return;
    for (auto position : positions) {
        for (auto size : sizes)
            ASSERT_NO_FATAL_FAILURE(expect_delivered(position, size));
    }
    EXPECT_EQ(pair_->take_rest(), "");
}

// What an HTTP answer with several ranges looks like.
std::string append_multipart(chain& pieces, const source_file& source) {
    std::string expected;
    auto part = pattern(60, 3);
    for (auto position : positions) {
        auto size = static_cast<std::size_t>(20'000 + position % 1000);
        pieces.append(buffer_slice::copy_of(as_bytes(part)));
        pieces.append(buffer_slice::of_static("\r\n\r\n"));
        pieces.append(source.opened().region(position, size));
        expected += part + "\r\n\r\n" + source.expected(position, size);
    }
    pieces.append(buffer_slice::of_static("--end--"));
    return expected + "--end--";
}

TEST_P(Conformance, MemoryAndFilesMixed) {
    ASSERT_NO_FATAL_FAILURE(open());
    if (!out_) return;
    auto expected = append_multipart(out_->pieces(), source());
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(difference(made.received + pair_->take_rest(), expected), "");
    auto memory = positions.size() * 64 + 7;
    expect_costs(expected.size() - memory, memory);
}

TEST_P(Conformance, SameBytesAsTheOracle) {
    ASSERT_NO_FATAL_FAILURE(open());
    if (!out_) return;
    auto oracle_pair = stream_pair::make(into());
    ASSERT_TRUE(oracle_pair);
    transfer oracle(*sink::of(oracle_pair->sending_end()), forced_to(mechanism::read_write));
    append_multipart(out_->pieces(), source());
    append_multipart(oracle.pieces(), source());
    auto made = deliver(*out_, *pair_);
    auto wanted = deliver(oracle, *oracle_pair);
    ASSERT_TRUE(made.done() && wanted.done());
    EXPECT_EQ(difference(made.received, wanted.received), "");
    EXPECT_EQ(oracle.costs().of(mechanism::read_write).bytes, out_->costs().of(way()).bytes);
}

TEST_P(ConformanceWithPeer, SlowReceiver) {
    ASSERT_NO_FATAL_FAILURE(open(stream_pair::room::tiny));
    if (!out_) return;
    constexpr std::size_t size = 300'000;
    out_->pieces().append(buffer_slice::of_static("head"));
    out_->pieces().append(source().opened().region(1, size));
    auto first = out_->step();
    ASSERT_TRUE(first) << first.error().message();
    EXPECT_EQ(first->state, progress_state::would_block);
    EXPECT_EQ(out_->pieces().size(), size + 4 - first->bytes);
    EXPECT_GT(out_->costs().total().would_blocks, 0u);
    auto made = deliver(*out_, *pair_, 3001);
    ASSERT_TRUE(made.done()) << made.text();
    made.received += pair_->take_rest();
    EXPECT_EQ(difference(made.received, "head" + source().expected(1, size)), "");
    EXPECT_EQ(out_->costs().total().bytes, size + 4);
    EXPECT_GE(out_->costs().total().would_blocks, made.would_blocks);
}

TEST_P(Conformance, SplitAtEveryByte) {
    ASSERT_NO_FATAL_FAILURE(open());
    if (!out_) return;
    constexpr std::size_t size = 120;
    auto expected = "head" + source().expected(4090, size) + "tail";
    support::fault_script faults;
    for (std::size_t cut = 1; cut <= expected.size(); ++cut) {
        SCOPED_TRACE("at most " + std::to_string(cut) + " bytes a call");
        faults.cut_all(cut);
        out_->pieces().append(buffer_slice::of_static("head"));
        out_->pieces().append(source().opened().region(4090, size));
        out_->pieces().append(buffer_slice::of_static("tail"));
        auto made = deliver(*out_, *pair_);
        ASSERT_TRUE(made.done()) << made.text();
        ASSERT_EQ(difference(made.received, expected), "");
    }
    EXPECT_EQ(pair_->take_rest(), "");
}

TEST_P(Conformance, BudgetBoundsTheFileBytesOfAStep) {
    ASSERT_NO_FATAL_FAILURE(open());
    if (!out_) return;
    out_->pieces().append(source().opened().region(0, 10'000));
    std::string received;
    for (unsigned steps = 0; !out_->pieces().empty(); ++steps) {
        ASSERT_LT(steps, 10u);
        auto moved = out_->step(3000);
        ASSERT_TRUE(moved);
        EXPECT_LE(moved->bytes, 3000u);
        auto last = out_->pieces().empty();
        EXPECT_EQ(moved->state, last ? progress_state::done : progress_state::more);
        received += pair_->take(moved->bytes);
    }
    EXPECT_EQ(difference(received, source().expected(0, 10'000)), "");
}

TEST_P(ConformanceWithPeer, PeerThatHasGoneIsAnError) {
    ASSERT_NO_FATAL_FAILURE(open());
    if (!out_) return;
    pair_->drop_receiver();
    out_->pieces().append(source().opened().region(0, size_max));
    // The reset of a TCP peer comes with an answer to the first bytes.
    auto moved = out_->step();
    for (int steps = 0; moved && steps < 10'000; ++steps) {
        ASSERT_NE(moved->state, progress_state::done);
        ASSERT_TRUE(pair_->wait_for_either());
        moved = out_->step();
    }
    ASSERT_FALSE(moved);
    EXPECT_TRUE(moved.error().is(EPIPE) || moved.error().is(ECONNRESET)) << moved.error().message();
    out_->abandon();
    EXPECT_TRUE(out_->pieces().empty());
}

std::string name_of_case(const testing::TestParamInfo<Conformance::ParamType>& info) {
    return std::string(name_of(std::get<0>(info.param))) + "_into_" +
           std::string(support::name_of(std::get<1>(info.param)));
}

constexpr auto every_sink = {pair_kind::tcp, pair_kind::unix_socket, pair_kind::pipe,
                             pair_kind::regular_file, pair_kind::tcp_veth};
constexpr auto every_peer = {pair_kind::tcp, pair_kind::unix_socket, pair_kind::pipe,
                             pair_kind::tcp_veth};
constexpr auto every_way = {mechanism::read_write, mechanism::mapped_write, mechanism::sendfile,
                            mechanism::splice};

INSTANTIATE_TEST_SUITE_P(Files, Conformance,
                         testing::Combine(testing::ValuesIn(every_way),
                                          testing::ValuesIn(every_sink)),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(Files, ConformanceWithPeer,
                         testing::Combine(testing::ValuesIn(every_way),
                                          testing::ValuesIn(every_peer)),
                         name_of_case);

// From file to file alone.
INSTANTIATE_TEST_SUITE_P(FileToFile, Conformance,
                         testing::Values(std::tuple(mechanism::copy_file_range,
                                                    pair_kind::regular_file)),
                         name_of_case);

// A chain of both into a file at a position: what comes next goes behind what has gone.
class PositionedSink : public testing::TestWithParam<mechanism> {};

TEST_P(PositionedSink, MemoryAndFilesMixed) {
    source_file source;
    support::temporary_file to(std::string(100, 'x'));
    auto target = to.open();
    unique_fd writing(::open(to.path().c_str(), O_RDWR | O_CLOEXEC));
    file written(std::move(writing), to.path());
    for (std::uint64_t place : {std::uint64_t{50}, (std::uint64_t{1} << 33) + 1}) {
        support::fault_script faults;
        faults.cut_all(7001);  // several steps
        transfer out(*sink::at(written, place), forced_to(GetParam()));
        auto expected = append_multipart(out.pieces(), source);
        auto moved = out.step();
        ASSERT_TRUE(moved) << moved.error().message();
        EXPECT_EQ(moved->state, progress_state::done);
        EXPECT_EQ(moved->bytes, expected.size());
        faults.clear();
        std::string got(expected.size() + 1, '\0');
        auto count = target.read_at(place, std::as_writable_bytes(std::span(got)));
        ASSERT_TRUE(count);
        got.resize(*count);
        EXPECT_EQ(difference(got, expected), "");
        EXPECT_EQ(
            out.costs().of(GetParam()).bytes + out.costs().of(mechanism::gathered_write).bytes,
            expected.size());
    }
    EXPECT_EQ(::lseek(written.fd(), 0, SEEK_CUR), 0);
    std::array<std::byte, 50> before{};
    ASSERT_TRUE(target.read_at(0, before));
    EXPECT_EQ(as_text(before), std::string(50, 'x'));
}

INSTANTIATE_TEST_SUITE_P(Files, PositionedSink,
                         testing::Values(mechanism::read_write, mechanism::mapped_write,
                                         mechanism::splice, mechanism::copy_file_range),
                         [](const auto& each) { return std::string(name_of(each.param)); });

// gathered_write moves memory only, whatever is asked for.
class MemoryConformance : public testing::TestWithParam<pair_kind> {};

TEST_P(MemoryConformance, EverySizeInManyPieces) {
    auto pair = stream_pair::make(GetParam());
    if (!pair) GTEST_SKIP() << pair.error().message();
    transfer out(*sink::of(pair->sending_end()));
    for (auto size : sizes) {
        SCOPED_TRACE(std::to_string(size) + " bytes");
        auto content = pattern(size, 7);
        auto whole = buffer_slice::copy_of(as_bytes(content));
        auto piece_size = std::max<std::size_t>(size / 200, 1);  // more pieces than one call takes
        for (std::size_t at = 0; at < size; at += piece_size)
            out.pieces().append(whole.slice(at, std::min(piece_size, size - at)));
        out.reset_costs();
        auto made = deliver(out, *pair);
        ASSERT_TRUE(made.done()) << made.text();
        ASSERT_EQ(difference(made.received, content), "");
        EXPECT_EQ(out.costs().of(mechanism::gathered_write).bytes, size);
        EXPECT_EQ(out.costs().total().copied_user_kernel, size);
        EXPECT_GE(out.costs().total().calls, size < 200 ? size / 64 : 4u);
    }
    EXPECT_EQ(pair->take_rest(), "");
}

TEST_P(MemoryConformance, BudgetBoundsEachStep) {
    auto pair = stream_pair::make(GetParam());
    if (!pair) GTEST_SKIP() << pair.error().message();
    transfer out(*sink::of(pair->sending_end()));
    auto content = pattern(1000);
    auto whole = buffer_slice::copy_of(as_bytes(content));
    for (std::size_t at = 0; at < content.size(); at += 100)
        out.pieces().append(whole.slice(at, 100));
    std::string received;
    for (std::size_t wanted : {1, 99, 100, 150, 250, 400}) {
        auto moved = out.step(wanted);
        ASSERT_TRUE(moved);
        EXPECT_EQ(moved->bytes, wanted);
        received += pair->take(wanted);
    }
    EXPECT_TRUE(out.pieces().empty());
    EXPECT_EQ(difference(received, content), "");
}

INSTANTIATE_TEST_SUITE_P(Memory, MemoryConformance, testing::ValuesIn(every_sink),
                         [](const auto& each) {
                             return std::string(support::name_of(each.param));
                         });

}  // namespace
}  // namespace sluice
