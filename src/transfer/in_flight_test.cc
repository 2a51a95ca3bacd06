#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <sluice/in_flight.h>

#include "support/comes_true.h"
#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/stream_pair.h"
#include "support/veth_pair.h"
#include "sys/descriptors.h"
#include "sys/io.h"

namespace sluice {
namespace {

using support::comes_true;
using support::difference;
using support::fault_script;
using support::pair_kind;
using support::pattern;
using support::stream_pair;

constexpr std::size_t mib = 1024 * 1024;

// Memory that tells when its last slice has gone.
struct watched_memory {
    std::weak_ptr<std::string> alive;
    buffer_slice slice;

    explicit watched_memory(std::string content) {
        auto owner = std::make_shared<std::string>(std::move(content));
        alive = owner;
        auto bytes = as_bytes(*owner);
        slice = buffer_slice::within(std::move(owner), bytes);
    }
    [[nodiscard]] bool held() const { return !alive.expired(); }
};

chain chain_of(watched_memory& memory) {
    chain made;
    made.append(std::exchange(memory.slice, {}));
    return made;
}

void add(in_flight& pending, std::size_t size) {
    chain made;
    made.append(buffer_slice::copy_of(as_bytes(pattern(size))));
    pending.add(std::move(made));
}

TEST(InFlight, LetsGoInOrder) {
    in_flight pending;
    EXPECT_TRUE(pending.empty());
    for (std::size_t size : {1, 10, 100})
        add(pending, size);
    EXPECT_EQ(pending.bytes(), 111u);
    EXPECT_EQ(pending.sends(), 3u);
    EXPECT_EQ(pending.complete(0, 0), 1u);
    EXPECT_EQ(pending.complete(1, 2), 110u);
    EXPECT_TRUE(pending.empty());
    EXPECT_EQ(pending.bytes(), 0u);
}

TEST(InFlight, LetsGoInAnyOrder) {
    in_flight pending;
    watched_memory middle(pattern(10));
    add(pending, 1);
    pending.add(chain_of(middle));
    add(pending, 100);
    add(pending, 1000);
    EXPECT_TRUE(middle.held());
    EXPECT_EQ(pending.complete(1, 2), 110u);
    EXPECT_FALSE(middle.held()) << "kept until the sends before it";
    EXPECT_EQ(pending.sends(), 2u);
    EXPECT_EQ(pending.complete(3, 3), 1000u);
    EXPECT_EQ(pending.complete(0, 0), 1u);
    EXPECT_TRUE(pending.empty());
    add(pending, 5);  // has the number 4
    EXPECT_EQ(pending.complete(3, 3), 0u);
    EXPECT_EQ(pending.complete(4, 4), 5u);
}

TEST(InFlight, CountsNothingTwice) {
    in_flight pending;
    for (std::size_t size : {1, 10, 100})
        add(pending, size);
    EXPECT_EQ(pending.complete(0, 1), 11u);
    EXPECT_EQ(pending.complete(0, 1), 0u);
    EXPECT_EQ(pending.complete(0, 2), 100u);
    EXPECT_EQ(pending.complete(7, 9), 0u);
    EXPECT_TRUE(pending.empty());
}

// The list is closed up and grows under way.
TEST(InFlight, NumbersHoldWhileMoreComes) {
    in_flight pending(0xffffffc0U);
    std::uint32_t done = 0xffffffc0U;
    std::uint64_t held = 0;
    for (std::size_t each = 1; each <= 300; ++each) {
        add(pending, each);
        held += each;
        if (each % 3 == 0 && each < 150) continue;
        auto released = pending.complete(done, done);
        EXPECT_EQ(released, done + 0x41U);  // the first has the size 1
        held -= released;
        ++done;
        EXPECT_EQ(pending.bytes(), held);
    }
    EXPECT_EQ(pending.complete(done, done + 1000), held);
    EXPECT_TRUE(pending.empty());
}

TEST(InFlight, IdsWrap) {
    for (std::uint32_t first : {0xfffffffeU, 0xffffffffU, 0xfffffffdU}) {
        in_flight pending(first);
        for (std::size_t size : {1, 10, 100, 1000})
            add(pending, size);
        EXPECT_EQ(pending.complete(first + 3, first + 3), 1000u);
        EXPECT_EQ(pending.complete(first, first + 1), 11u);
        EXPECT_EQ(pending.sends(), 1u);
        EXPECT_EQ(pending.complete(first + 1, first + 2), 100u);
        EXPECT_TRUE(pending.empty());
    }
}

// Every order of four reports, of every size that they can have.
TEST(InFlight, EveryOrderLetsEverythingGo) {
    std::array<std::uint32_t, 4> order{0, 1, 2, 3};
    do {
        in_flight pending(0xfffffffeU);
        for (int each = 0; each < 4; ++each)
            add(pending, 10);
        std::uint64_t released = 0;
        for (auto each : order)
            released += pending.complete(0xfffffffeU + each, 0xfffffffeU + each);
        EXPECT_EQ(released, 40u);
        EXPECT_TRUE(pending.empty());
    } while (std::next_permutation(order.begin(), order.end()));
}

// Sends until the socket takes no more, which it does because nobody reads.
std::uint64_t fill(zerocopy_sender& out, chain& pieces) {
    std::uint64_t sent = 0;
    EXPECT_TRUE(comes_true([&] {
        auto moved = out.send(pieces);
        EXPECT_TRUE(moved);
        sent += moved->bytes;
        if (moved->state == zerocopy_state::bound_reached) return true;
        EXPECT_TRUE(out.poll_completions());  // an error event ends the wait, too
        auto ready = sys::wait_until(out.fd(), sys::readiness::to_write, 100);
        return moved->state == zerocopy_state::would_block && ready && !*ready;
    }));
    return sent;
}

class ZerocopySender : public testing::TestWithParam<pair_kind> {
  protected:
    void SetUp() override {
        auto made = ends();
        if (!made) GTEST_SKIP() << made.error().message();
        socket_ = std::move(made->first);
        peer_ = std::move(made->second);
    }

    static result<support::connected_ends> ends() {
        if (GetParam() == pair_kind::tcp_veth) return support::connected_over_veth(0);
        auto listener = support::listening_on(INADDR_LOOPBACK, 0);
        if (!listener) return failure(std::move(listener));
        return support::connected_to(*listener, 0);
    }

    zerocopy_sender start(zerocopy_options options = {}) {
        auto made = zerocopy_sender::make(std::move(socket_), options);
        EXPECT_TRUE(made) << made.error().message();
        return *std::move(made);
    }

    // Sends of this memory what the socket takes, and closes: what is in flight is the lot's.
    void close_in_flight(watched_memory& memory, in_flight_lot& lot) {
        auto pieces = chain_of(memory);
        auto out = start({.in_flight_max = 64 * mib});
        fill(out, pieces);
        ASSERT_TRUE(std::move(out).close(lot));
    }

    // What arrives until `count` bytes have, or the end.
    std::string receive(std::size_t count) {
        std::string got;
        std::vector<std::byte> room(mib);
        while (got.size() < count) {
            auto ready = sys::wait_until(peer_.get(), sys::readiness::to_read, 20'000);
            if (!ready || !*ready) break;
            auto moved = sys::receive(peer_.get(), room);
            if (!moved || moved->at_end()) break;
            got += as_text(bytes_view(room).first(moved->bytes));
        }
        return got;
    }

    unique_fd socket_;
    unique_fd peer_;
    fault_script faults_;
};

TEST_P(ZerocopySender, KeepsTheMemoryUntilTheKernelLetsItGo) {
    auto out = start();
    auto content = pattern(2 * mib);
    watched_memory memory(content);
    auto pieces = chain_of(memory);
    std::string got;
    while (!pieces.empty()) {
        auto moved = out.send(pieces);
        ASSERT_TRUE(moved) << moved.error().message();
        got += receive(moved->bytes);
    }
    EXPECT_TRUE(comes_true([&] { return out.poll_completions() && out.bytes_in_flight() == 0; }));
    EXPECT_FALSE(memory.held());
    EXPECT_EQ(difference(got, content), "");
    const auto& costs = out.costs();
    EXPECT_EQ(costs.bytes, content.size());
    EXPECT_EQ(costs.completed_bytes + costs.copied_bytes, content.size());
    EXPECT_GT(costs.completed_bytes, 0u);
    EXPECT_GT(costs.completions, 0u);
    EXPECT_LE(costs.completions, costs.calls);
    // A receiver on the same machine makes the kernel copy, whatever the device in between.
    EXPECT_EQ(costs.copied_after_all_bytes, costs.completed_bytes);
}

TEST_P(ZerocopySender, SmallSendsAreOrdinary) {
    auto out = start({.copied_below = 1000});
    watched_memory memory(pattern(999));
    auto pieces = chain_of(memory);
    auto moved = out.send(pieces);
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->bytes, 999u);
    EXPECT_EQ(moved->state, zerocopy_state::done);
    EXPECT_FALSE(memory.held());
    EXPECT_EQ(out.bytes_in_flight(), 0u);
    EXPECT_EQ(out.costs().copied_bytes, 999u);
    EXPECT_EQ(receive(999), pattern(999));
}

TEST_P(ZerocopySender, StopsAtAFilePiece) {
    auto out = start();
    chain pieces;
    pieces.append(buffer_slice::of_static("head"));
    pieces.append(file(unique_fd(), "none").region(0, 10));
    auto moved = out.send(pieces);
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->bytes, 4u);
    EXPECT_EQ(moved->state, zerocopy_state::done);
    EXPECT_EQ(pieces.size(), 10u);
}

TEST_P(ZerocopySender, StopsAtItsBound) {
    auto out = start({.in_flight_max = 100'000, .when_reached = zerocopy_options::at_bound::stop});
    auto content = pattern(20 * mib);
    watched_memory memory(content);
    auto pieces = chain_of(memory);
    auto sent = fill(out, pieces);  // what nobody reads stays with the kernel
    EXPECT_LE(out.bytes_in_flight(), 100'000u);
    EXPECT_GT(out.bytes_in_flight(), 0u);
    EXPECT_EQ(out.costs().copied_bytes, 0u);
    EXPECT_EQ(pieces.size(), content.size() - sent);
    std::string got;
    while (got.size() < content.size()) {
        got += receive(sent - got.size());
        ASSERT_TRUE(out.poll_completions());
        auto moved = out.send(pieces);
        ASSERT_TRUE(moved);
        sent += moved->bytes;
    }
    EXPECT_EQ(difference(got, content), "");
}

TEST_P(ZerocopySender, CopiesOverItsBound) {
    auto out = start({.in_flight_max = 100'000});
    auto content = pattern(20 * mib);
    watched_memory memory(content);
    auto pieces = chain_of(memory);
    fill(out, pieces);
    EXPECT_LE(out.bytes_in_flight(), 100'000u);
    EXPECT_GT(out.costs().copied_bytes, 0u);
    EXPECT_GT(out.costs().would_blocks, 0u);
}

TEST_P(ZerocopySender, CopiesWhenTheKernelHasNoMemory) {
    auto out = start();
    watched_memory memory(pattern(100'000));
    auto pieces = chain_of(memory);
    faults_.fail(sys::call::sendmsg, ENOBUFS, 1);
    auto moved = out.send(pieces);
    ASSERT_TRUE(moved) << moved.error().message();
    EXPECT_EQ(out.costs().refused, 1u);
    EXPECT_EQ(out.costs().copied_bytes, moved->bytes);
    EXPECT_EQ(receive(moved->bytes), pattern(100'000).substr(0, moved->bytes));
}

// The bound cuts the list of pieces; the ordinary send that follows a refusal has to be cut alike.
TEST_P(ZerocopySender, CopiesInOrderWhenRefusedAtItsBound) {
    auto out = start({.in_flight_max = 25'000, .copied_below = 1});
    auto content = pattern(100'000);
    auto whole = buffer_slice::copy_of(as_bytes(content));
    chain pieces;
    for (std::size_t at = 0; at < content.size(); at += 10'000)
        pieces.append(whole.slice(at, 10'000));
    faults_.fail(sys::call::sendmsg, ENOBUFS, 1);
    std::string got;
    while (!pieces.empty()) {
        auto moved = out.send(pieces);
        ASSERT_TRUE(moved) << moved.error().message();
        got += receive(moved->bytes);
    }
    EXPECT_EQ(out.costs().refused, 1u);
    EXPECT_EQ(difference(got, content), "");
}

TEST_P(ZerocopySender, ErrorsLeaveTheChain) {
    auto out = start();
    watched_memory memory(pattern(100'000));
    auto pieces = chain_of(memory);
    faults_.fail(sys::call::sendmsg, ECONNRESET);
    auto moved = out.send(pieces);
    ASSERT_FALSE(moved);
    EXPECT_TRUE(moved.error().is(ECONNRESET));
    EXPECT_EQ(pieces.size(), 100'000u);
    faults_.fail(sys::call::recvmsg, EIO);
    auto polled = out.poll_completions();
    ASSERT_FALSE(polled);
    EXPECT_TRUE(polled.error().is(EIO));
}

// Without a lot nobody would own the memory: the connection is reset.
TEST_P(ZerocopySender, DroppedResetsTheConnection) {
    watched_memory memory(pattern(20 * mib));
    auto pieces = chain_of(memory);
    {
        auto out = start({.in_flight_max = 64 * mib});
        fill(out, pieces);
        ASSERT_GT(out.bytes_in_flight(), 0u);
    }
    pieces.clear();
    EXPECT_FALSE(memory.held());
    std::vector<std::byte> room(mib);
    result<sys::moved> moved = sys::moved{.bytes = 1};
    EXPECT_TRUE(comes_true([&] {
        moved = sys::receive(peer_.get(), room);
        return !moved;
    }));
    EXPECT_TRUE(moved.error().is(ECONNRESET));
}

// The socket has another descriptor, so closing alone resets nothing. What is overwritten once it
// has been released must not arrive.
TEST_P(ZerocopySender, DroppedSendsNothingMoreWhateverStaysOpen) {
    auto other = *sys::duplicate(socket_.get());
    std::string memory(20 * mib, 'A');
    bool released = false;
    chain pieces;
    pieces.append(buffer_slice::of_object(as_bytes(memory), [&] { released = true; }));
    {
        auto out = start({.in_flight_max = 64 * mib});
        fill(out, pieces);
        ASSERT_GT(out.bytes_in_flight(), 0u);
    }
    pieces.clear();
    EXPECT_TRUE(released);
    std::ranges::fill(memory, '!');
    auto got = receive(SIZE_MAX);
    EXPECT_EQ(got.find('!'), std::string::npos);
    EXPECT_LT(got.size(), memory.size());
}

TEST_P(ZerocopySender, LotResetsWhateverStaysOpen) {
    auto other = *sys::duplicate(socket_.get());
    auto lot = *in_flight_lot::make({.time_limit_ms = 30});
    std::string memory(20 * mib, 'A');
    bool released = false;
    chain pieces;
    pieces.append(buffer_slice::of_object(as_bytes(memory), [&] { released = true; }));
    auto out = start({.in_flight_max = 64 * mib});
    fill(out, pieces);
    ASSERT_TRUE(std::move(out).close(lot));
    pieces.clear();
    EXPECT_TRUE(lot.wait_until_empty());
    EXPECT_TRUE(released);
    std::ranges::fill(memory, '!');
    EXPECT_EQ(receive(SIZE_MAX).find('!'), std::string::npos);
}

// The bound is smaller than what pays for zero-copy, so nothing would ever be let go for it.
TEST_P(ZerocopySender, CopiesWhatNeverFitsItsBound) {
    auto out = start({.in_flight_max = 8192, .when_reached = zerocopy_options::at_bound::stop});
    watched_memory memory(pattern(65536));
    auto pieces = chain_of(memory);
    auto moved = out.send(pieces);
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->state, zerocopy_state::done);
    EXPECT_EQ(moved->bytes, 65536u);
    EXPECT_EQ(out.costs().copied_bytes, 65536u);
    EXPECT_EQ(difference(receive(65536), pattern(65536)), "");
}

// A closed connection whose peer reads late still gets everything, and then the end.
TEST_P(ZerocopySender, ClosedGoesOnInTheLot) {
    auto lot = *in_flight_lot::make();
    auto content = pattern(20 * mib);
    watched_memory memory(content);
    auto pieces = chain_of(memory);
    std::uint64_t sent = 0;
    {
        auto out = start({.in_flight_max = 64 * mib});
        sent = fill(out, pieces);
        ASSERT_GT(out.bytes_in_flight(), 0u);
        ASSERT_TRUE(std::move(out).close(lot));
    }
    pieces.clear();
    EXPECT_EQ(lot.connections(), 1u);
    EXPECT_GT(lot.bytes(), 0u);
    EXPECT_GT(lot.next_deadline_ms(), 1000);
    EXPECT_FALSE(lot.wait_until_empty(0));
    EXPECT_TRUE(memory.held());
    auto got = receive(SIZE_MAX);
    EXPECT_EQ(difference(got, content.substr(0, sent)), "");
    EXPECT_TRUE(lot.wait_until_empty());
    EXPECT_FALSE(memory.held());
    EXPECT_EQ(lot.connections(), 0u);
    EXPECT_EQ(lot.bytes(), 0u);
    EXPECT_EQ(lot.resets(), 0u);
    EXPECT_EQ(lot.next_deadline_ms(), -1);
}

TEST_P(ZerocopySender, LotResetsWhatIsOutOfTime) {
    auto lot = *in_flight_lot::make({.time_limit_ms = 30});
    watched_memory memory(pattern(20 * mib));
    close_in_flight(memory, lot);
    EXPECT_TRUE(memory.held());
    EXPECT_TRUE(lot.wait_until_empty());
    EXPECT_EQ(lot.resets(), 1u);
    EXPECT_FALSE(memory.held());
    receive(SIZE_MAX);
    auto after = sys::receive(peer_.get(), std::span(std::make_unique<std::byte[]>(1).get(), 1));
    EXPECT_TRUE(!after || after->at_end());
}

TEST_P(ZerocopySender, LotTakesTheLongestTimeLimit) {
    auto lot = *in_flight_lot::make({.time_limit_ms = UINT32_MAX});
    watched_memory memory(pattern(20 * mib));
    close_in_flight(memory, lot);
    EXPECT_EQ(lot.next_deadline_ms(), INT_MAX);
    EXPECT_FALSE(lot.wait_until_empty(10));
    EXPECT_EQ(lot.connections(), 1u);
}

TEST_P(ZerocopySender, LotKeepsItsByteBound) {
    auto lot = *in_flight_lot::make({.bytes_max = 1000});
    watched_memory memory(pattern(20 * mib));
    close_in_flight(memory, lot);
    EXPECT_EQ(lot.connections(), 0u);
    EXPECT_EQ(lot.resets(), 1u);
    EXPECT_FALSE(memory.held());
}

TEST_P(ZerocopySender, LotThatGoesLetsGo) {
    watched_memory memory(pattern(20 * mib));
    auto pieces = chain_of(memory);
    {
        auto lot = *in_flight_lot::make();
        auto out = start({.in_flight_max = 64 * mib});
        fill(out, pieces);
        ASSERT_TRUE(std::move(out).close(lot));
        pieces.clear();
        EXPECT_TRUE(memory.held());
    }
    EXPECT_FALSE(memory.held());
}

TEST_P(ZerocopySender, NothingInFlightIsClosedAtOnce) {
    auto lot = *in_flight_lot::make();
    auto out = start();
    ASSERT_TRUE(std::move(out).close(lot));
    EXPECT_EQ(lot.connections(), 0u);
    EXPECT_EQ(receive(1), "");
}

INSTANTIATE_TEST_SUITE_P(Tcp, ZerocopySender, testing::Values(pair_kind::tcp, pair_kind::tcp_veth),
                         [](const auto& each) {
                             return std::string(support::name_of(each.param));
                         });

TEST(InFlightLot, TakesConnectionsOfAnyThread) {
    auto lot = *in_flight_lot::make({.time_limit_ms = 20});
    std::vector<std::thread> threads;
    for (int each = 0; each < 4; ++each) {
        threads.emplace_back([&] {
            auto listener = support::listening_on(INADDR_LOOPBACK, 0);
            auto ends = support::connected_to(*listener, 0);
            auto out = zerocopy_sender::make(std::move(ends->first), {.in_flight_max = 64 * mib});
            watched_memory memory(pattern(20 * mib));
            auto pieces = chain_of(memory);
            fill(*out, pieces);
            EXPECT_TRUE(std::move(*out).close(lot));
            pieces.clear();
            EXPECT_TRUE(comes_true([&] {
                lot.step();
                return !memory.held();
            }));
        });
    }
    for (auto& each : threads)
        each.join();
    EXPECT_TRUE(lot.wait_until_empty());
    EXPECT_EQ(lot.resets(), 4u);
    EXPECT_EQ(lot.connections(), 0u);
}

TEST(ZerocopySenderOfOthers, DatagramsAreRefused) {
    auto made = zerocopy_sender::make(unique_fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
    ASSERT_FALSE(made);
    EXPECT_TRUE(made.error().is(EOPNOTSUPP));
}

TEST(ZerocopySenderOfOthers, AreRefused) {
    for (auto kind : {pair_kind::pipe, pair_kind::regular_file}) {
        auto pair = stream_pair::make(kind);
        ASSERT_TRUE(pair);
        auto made = zerocopy_sender::make(*sys::duplicate(pair->sending_end()));
        EXPECT_FALSE(made) << support::name_of(kind);
    }
}

}  // namespace
}  // namespace sluice
