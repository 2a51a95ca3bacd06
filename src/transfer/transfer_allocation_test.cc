// Each allocation of a transfer fails once: no bytes get where they do not belong, and no memory
// goes while the kernel may read it.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <sluice/file_transfer.h>
#include <sluice/in_flight.h>

#include "support/failing_allocation.h"
#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/stream_pair.h"
#include "support/temporary_file.h"
#include "support/veth_pair.h"
#include "sys/descriptors.h"
#include "sys/files.h"
#include "sys/io.h"

namespace sluice {
namespace {

using support::difference;
using support::failing_allocation;
using support::fault_script;
using support::pair_kind;
using support::pattern;
using support::stream_pair;

// Runs `attempt` with its first allocation failing, then its second and so on, until it makes no
// more; after each, `check`, which is told whether std::bad_alloc came out. Returns how many
// failed.
template <typename Prepare, typename Attempt, typename Check>
std::size_t fail_each(Prepare prepare, Attempt attempt, Check check) {
    for (std::size_t at = 0;; ++at) {
        SCOPED_TRACE(at);
        prepare();
        bool failed = false;
        bool threw = false;
        {
            failing_allocation armed(at);
            try {
                attempt();
            } catch (const std::bad_alloc&) {
                threw = true;
            }
            failed = armed.has_failed();
        }
        check(threw);
        if (!failed || testing::Test::HasFailure()) return at;
    }
}

class TransferAllocation : public testing::Test {
  protected:
    void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }

    // A stream in which `bytes` wait.
    static std::unique_ptr<stream_pair> stream_with(std::string_view bytes) {
        auto made = std::make_unique<stream_pair>(*stream_pair::make(pair_kind::unix_socket));
        EXPECT_EQ(::write(made->sending_end(), bytes.data(), bytes.size()),
                  static_cast<ssize_t>(bytes.size()));
        return made;
    }
    [[nodiscard]] receive_report take(const stream_pair& from, std::size_t size,
                                      receive_way way) const {
        return transfer_from(*byte_source::of(from.receiving_end()), target_, 0, size,
                             {.forced_receive = way});
    }
    [[nodiscard]] std::string written(std::size_t size) const {
        std::string got(size, '\0');
        EXPECT_TRUE(target_.read_at(0, std::as_writable_bytes(std::span(got))));
        return got;
    }
    // What the next transfer of the thread gets is its own.
    void expect_clean_pool() {
        auto next = stream_with(own_);
        support::temporary_file other;
        file target(*sys::open(other.path(), O_RDWR), other.path());
        auto made = transfer_from(*byte_source::of(next->receiving_end()), target, 0, own_.size(),
                                  {.forced_receive = receive_way::splice});
        ASSERT_TRUE(made.done());
        EXPECT_EQ(difference(other.content(), own_), "");
    }

    static constexpr std::size_t size_ = 100'000;
    std::string content_ = pattern(size_);
    std::string own_ = std::string(5000, 'o');
    support::temporary_file to_{std::string(size_, '-')};
    file target_{*sys::open(to_.path(), O_RDWR), to_.path()};
    fault_script faults_;
};

// The file refuses what is in the pipe already, for good or by this way alone.
TEST_F(TransferAllocation, NoBytesStayInAPipeOfThePool) {
    for (int reason : {ENOSPC, EINVAL}) {
        std::unique_ptr<stream_pair> from;
        receive_report made;
        auto failures = fail_each(
            [&] {
                from = stream_with(content_);
                faults_.clear();
                faults_.fail(sys::call::splice, reason, 1, 1);
            },
            [&] { made = take(*from, size_, receive_way::splice); },
            [&](bool threw) {
                if (!threw) {
                    EXPECT_LE(made.bytes + made.unwritten.size(), size_);
                }
                faults_.clear();
                expect_clean_pool();
            });
        EXPECT_GT(failures, 0u);
        if (reason == ENOSPC) {
            EXPECT_TRUE(made.failed->is(ENOSPC));
            EXPECT_EQ(difference(std::string(as_text(made.unwritten.bytes())),
                                 content_.substr(0, made.unwritten.size())),
                      "");
            EXPECT_GT(made.unwritten.size(), 0u);
        } else {
            EXPECT_EQ(difference(written(size_), content_), "");
        }
    }
}

TEST_F(TransferAllocation, FromAStreamByEveryWay) {
    for (auto way : {receive_way::read_write, receive_way::splice, receive_way::mapped_receive}) {
        std::unique_ptr<stream_pair> from;
        receive_report made;
        fail_each([&] { from = stream_with(content_); }, [&] { made = take(*from, size_, way); },
                  [&](bool threw) {
                      if (!threw) {
                          EXPECT_LE(made.bytes, size_);
                      }
                      expect_clean_pool();
                  });
        ASSERT_TRUE(made.done());
        EXPECT_EQ(difference(written(size_), content_), "");
    }
}

TEST_F(TransferAllocation, IntoAStreamByEveryWay) {
    support::temporary_file source(content_);
    auto body = source.open();
    for (auto way :
         {mechanism::read_write, mechanism::mapped_write, mechanism::sendfile, mechanism::splice}) {
        std::unique_ptr<stream_pair> to;
        send_report made;
        fail_each(
            [&] { to = std::make_unique<stream_pair>(*stream_pair::make(pair_kind::unix_socket)); },
            [&] {
                made = transfer_to(body.region(0, size_), *sink::of(to->sending_end()),
                                   {.forced = way});
            },
            [&](bool) {
                auto got = to->take_arrived();
                EXPECT_EQ(difference(got, content_.substr(0, got.size())), "");
                expect_clean_pool();
            });
        EXPECT_EQ(made.bytes, size_);
    }
}

// What a zero-copy send has given to the kernel is held until it has let go, or the connection has
// been reset; the peer sees the bytes as they were.
class ZerocopyAllocation : public testing::Test {
  protected:
    static constexpr std::size_t piece_size_ = 50'000;
    static constexpr std::size_t pieces_ = 20;

    void connect() {
        auto listener = support::listening_on(INADDR_LOOPBACK, 0);
        auto ends = support::connected_to(*listener, 0);
        peer_ = std::move(ends->second);
        out_ = std::make_unique<zerocopy_sender>(
            *zerocopy_sender::make(std::move(ends->first), {.in_flight_max = 64 << 20}));
        released_ = 0;
        left_.clear();
        memory_.assign(pieces_ * piece_size_, 'A');
        for (std::size_t each = 0; each < pieces_; ++each) {
            auto bytes = as_bytes(memory_).subspan(each * piece_size_, piece_size_);
            left_.append(buffer_slice::of_object(bytes, [this] { ++released_; }));
        }
    }
    // The bytes of the next pieces, cut as the sends take them.
    void send_some() {
        auto moved = out_->send(left_);
        EXPECT_TRUE(moved);
    }
    std::string receive_rest() const {
        std::string got;
        std::vector<std::byte> room(1 << 16);
        while (true) {
            auto ready = sys::wait_until(peer_.get(), sys::readiness::to_read, 20'000);
            if (!ready || !*ready) break;
            auto moved = sys::receive(peer_.get(), room);
            if (!moved || moved->at_end()) break;
            got += as_text(bytes_view(room).first(moved->bytes));
        }
        return got;
    }

    std::string memory_;
    std::size_t released_ = 0;
    chain left_;
    unique_fd peer_;
    std::unique_ptr<zerocopy_sender> out_;
};

// What is not in the chain any more is in flight or was released by the kernel: whatever fails, the
// number of bytes that were sent is the number that left the chain.
TEST_F(ZerocopyAllocation, SendRecordsWhatTheKernelHas) {
    auto failures = fail_each([&] { connect(); }, [&] { send_some(); },
                              [&](bool) {
                                  auto sent = memory_.size() - left_.size();
                                  EXPECT_LE(out_->bytes_in_flight(), sent);
                                  // Sends of one piece each, so that the list of sends has to grow.
                                  while (!left_.empty() && out_->send(left_)->bytes > 0)
                                      sent = memory_.size() - left_.size();
                                  auto lot = *in_flight_lot::make();
                                  ASSERT_TRUE(std::move(*out_).close(lot));
                                  EXPECT_EQ(receive_rest(), std::string(sent, 'A'));
                                  EXPECT_TRUE(lot.wait_until_empty());
                                  left_.clear();
                                  EXPECT_EQ(released_, pieces_);
                              });
    EXPECT_GT(failures, 0u);
}

TEST_F(ZerocopyAllocation, LotResetsWhatItHasNoMemoryFor) {
    auto lot = *in_flight_lot::make();
    unique_fd other;
    auto failures = fail_each(
        [&] {
            connect();
            other = *sys::duplicate(out_->fd());
            send_some();
            left_.clear();
        },
        [&] {
            auto closed = std::move(*out_).close(lot);
            EXPECT_TRUE(closed);
        },
        [&](bool threw) {
            if (!threw) return;
            EXPECT_EQ(released_, pieces_);
            std::ranges::fill(memory_, '!');
            EXPECT_EQ(receive_rest().find('!'), std::string::npos);
        });
    EXPECT_GT(failures, 0u);
    other.reset();
    EXPECT_EQ(receive_rest().find('!'), std::string::npos);
    EXPECT_TRUE(lot.wait_until_empty());
    EXPECT_EQ(released_, pieces_);
}

TEST_F(ZerocopyAllocation, MovingASenderAllocatesNothing) {
    connect();
    auto before = support::allocations_by_thread();
    auto moved = std::move(*out_);
    *out_ = std::move(moved);
    EXPECT_EQ(support::allocations_by_thread(), before);
}

}  // namespace
}  // namespace sluice
