// in_flight.h: sends that the kernel reads from the caller's memory, and who owns that meanwhile.
//
// send(2) with MSG_ZEROCOPY returns while the network still reads the memory: it may be given back,
// or written to, only when the kernel has said so, which it does over the socket's error queue.
// Until then the slices are kept here; also after the connection has been closed:
//
//     chain ──send()──▶ zerocopy_sender ──▶ socket
//                           │ in_flight: the slices of each send, until its completion comes
//                           └──close()──▶ in_flight_lot: until all have come, or time is up
//
// What it costs: pinning pages instead of copying them pays for sends of more than about 10 KiB to
// another machine. Over the loopback device, and where a packet socket listens, the kernel copies
// after all, later and at a higher price; it says so, and zerocopy_costs counts it.
//
// See Documentation/networking/msg_zerocopy.rst of the kernel. TCP sockets of Linux 4.14 or newer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include <sluice/chain.h>
#include <sluice/result.h>
#include <sluice/unique_fd.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// What the zero-copy sends of one socket have cost.
struct zerocopy_costs {
    std::uint64_t bytes = 0;         // sent in all
    std::uint64_t copied_bytes = 0;  // of those, by ordinary sends: small, over the bound, refused
    std::uint64_t calls = 0;
    std::uint64_t would_blocks = 0;
    std::uint64_t refused = 0;  // calls for which the kernel had no memory (ENOBUFS: optmem_max or
                                // RLIMIT_MEMLOCK), made again as ordinary sends

    std::uint64_t completed_bytes = 0;  // of zero-copy sends, that the kernel has let go
    // Of those, what the kernel says it copied after all. It gives one verdict for neighbouring
    // sends that it reports together.
    std::uint64_t copied_after_all_bytes = 0;
    std::uint64_t completions = 0;  // reports read from the error queue
};

// The sends of one socket that the kernel has not let go yet, with their memory. The kernel counts
// the calls of a socket from 0, wraps at 2^32, and reports ranges of them, in any order.
//
// Whoever drops one that is not empty lets memory go that may still be sent: zerocopy_sender and
// in_flight_lot see to it that the connection has been reset before. Not synchronised.
class in_flight {
  public:
    // `first_id`: the number of the socket's next zero-copy send, for a socket that has had some.
    explicit in_flight(std::uint32_t first_id = 0) noexcept : first_id_(first_id) {}

    // The next successful zero-copy send took these bytes. Does not allocate after make_room():
    // once the kernel has the memory, nothing may be thrown on the way here.
    void add(chain sent);
    // Room for one more add(). std::bad_alloc leaves all as it was.
    void make_room();
    // The kernel has let go the sends `first_id` to `last_id`, both included. Their slices are
    // dropped here, in this thread. Returns their bytes; what was let go before counts nothing.
    std::uint64_t complete(std::uint32_t first_id, std::uint32_t last_id) noexcept;

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::size_t sends() const noexcept { return sends_; }
    [[nodiscard]] bool empty() const noexcept { return sends_ == 0; }

    // Reads the socket's error queue until it is empty (recvmsg(2) with MSG_ERRQUEUE) and completes
    // what it says; returns the bytes let go. Never waits. Other messages of the queue are dropped.
    result<std::uint64_t> poll_completions(int socket, zerocopy_costs& costs);
    // Resets the connection at once (SO_LINGER 0 and connect(2) to AF_UNSPEC, so that it holds for
    // every descriptor of the socket), reads the completions that this brings, and then drops the
    // memory. The kernel has thrown away its queue by then. What it cannot take back is a segment
    // that a network device has been given already: that may still be read for as long as the
    // device takes to send it, and goes to a peer that has been told of the reset.
    void abandon(int socket) noexcept;

  private:
    struct send {
        chain memory;
        bool pending = true;
    };
    [[nodiscard]] std::size_t count() const noexcept { return open_.size() - front_; }
    // From first_id_ on; the first of them is pending. No deque: its move constructor allocates.
    std::vector<send> open_;
    std::size_t front_ = 0;    // entries before it are used up
    std::uint32_t first_id_;   // the number of the entry at front_
    std::uint64_t bytes_ = 0;  // of pending sends
    std::size_t sends_ = 0;    // that are pending
};

struct zerocopy_options {
    // At most so many bytes wait for their completion at a time.
    std::uint64_t in_flight_max = 8 * 1024 * 1024;
    // What to do when that is reached: send a copy, which is the kernel's and bounded by the
    // socket's buffer; or stop, with the state bound_reached, until completions have come.
    enum class at_bound : std::uint8_t { send_copy, stop } when_reached = at_bound::send_copy;
    // Less than this goes by an ordinary send, which is cheaper.
    std::uint64_t copied_below = 16 * 1024;
};

enum class zerocopy_state : std::uint8_t {
    done,           // no memory is left at the front of the chain
    would_block,    // the socket takes no more now
    bound_reached,  // in_flight_max bytes wait for the kernel: poll_completions(), then go on
};

struct zerocopy_progress {
    std::uint64_t bytes = 0;
    zerocopy_state state = zerocopy_state::done;
};

class in_flight_lot;

// A TCP socket with what is in flight on it. Owns the socket. One thread at a time.
//
// A loop that waits for the socket gets an error event (EPOLLERR) for each completion: it calls
// poll_completions() then, and must not take the event for a failure.
class zerocopy_sender {
  public:
    // Takes the socket over and turns SO_ZEROCOPY on. EOPNOTSUPP for what is no TCP socket, EINVAL
    // or ENOPROTOOPT from old kernels; the socket is closed then. It must have had no zero-copy
    // sends yet.
    [[nodiscard]] static result<zerocopy_sender> make(unique_fd socket,
                                                      zerocopy_options options = {});
    zerocopy_sender(zerocopy_sender&&) noexcept = default;
    zerocopy_sender& operator=(zerocopy_sender&& other) noexcept;
    // With bytes in flight, resets the connection, since nobody would own them: see close().
    ~zerocopy_sender();

    [[nodiscard]] int fd() const noexcept { return socket_.get(); }

    // Sends the memory at the front of the chain, up to its first file piece, and takes what was
    // sent off the chain: the slices are kept until the kernel lets them go. Never waits. What is
    // in the slices must not change until then. After an error the chain holds what was not sent.
    // Bytes of a mapping that has lost them are an error as in transfer.h: ENODATA or EIO.
    [[nodiscard]] result<zerocopy_progress> send(chain& pieces);
    // Lets go what the kernel has let go; returns the bytes. Never waits.
    result<std::uint64_t> poll_completions();

    [[nodiscard]] std::uint64_t bytes_in_flight() const noexcept { return pending_.bytes(); }
    [[nodiscard]] const zerocopy_costs& costs() const noexcept { return costs_; }

    // Closes the connection. What is in flight moves into the lot together with the socket, and is
    // sent to its end there; with nothing in flight the socket is closed at once. Returns what
    // refused: as the lot's take().
    result<void> close(in_flight_lot& lot) &&;

  private:
    zerocopy_sender(unique_fd socket, zerocopy_options options) noexcept
        : socket_(std::move(socket)), options_(options) {}
    struct attempt;
    result<attempt> send_front(chain& pieces);
    result<std::optional<attempt>> send_kept(chain& pieces, std::span<iovec> parts,
                                             std::uint64_t limit);
    result<attempt> send_copied(chain& pieces, std::span<const iovec> parts);
    void abort() noexcept;

    unique_fd socket_;
    zerocopy_options options_;
    in_flight pending_;
    // The kernel had no memory for another one; until a completion has come it will have none.
    bool refused_ = false;
    zerocopy_costs costs_;
};

struct in_flight_lot_options {
    // For all connections together: over it, the oldest are reset.
    std::uint64_t bytes_max = 64 * 1024 * 1024;
    // A connection whose peer has not taken everything by then is reset.
    std::uint32_t time_limit_ms = 30'000;
};

// Where connections with bytes in flight wait after their close. Sending is shut down (the peer
// gets the rest and then the end); as the last completion comes, socket and memory go. When the
// time limit or the byte bound is over, the connection is reset, after which the kernel
// sends nothing from the memory any more (see in_flight::abandon() for what is left), and both go.
//
// One for a loop, or one for a process: all calls may be made by any thread (a lock). Somebody has
// to drive it: a loop calls step() when fd() is readable or next_deadline_ms() has passed; a
// program that is about to end calls wait_until_empty().
class in_flight_lot {
  public:
    [[nodiscard]] static result<in_flight_lot> make(in_flight_lot_options options = {});
    in_flight_lot(in_flight_lot&&) noexcept;
    in_flight_lot& operator=(in_flight_lot&&) noexcept;
    // Resets what is still there.
    ~in_flight_lot();

    // Takes a connection over. An error (no memory for an epoll entry) says that it was reset, and
    // so does std::bad_alloc.
    result<void> take(unique_fd socket, in_flight pending);

    // Readable when step() has something to do.
    [[nodiscard]] int fd() const noexcept;
    // Reads completions, lets go what is complete, resets what is out of time. Never waits.
    void step();
    // The time until the next connection runs out of time; -1: there is none.
    [[nodiscard]] int next_deadline_ms() const;
    // Steps until nothing is left, at most for `timeout_ms` (-1: until the time limit of each has
    // passed). False: something is.
    bool wait_until_empty(int timeout_ms = -1);

    [[nodiscard]] std::uint64_t bytes() const;
    [[nodiscard]] std::size_t connections() const;
    // Connections that were reset with bytes in flight, so far.
    [[nodiscard]] std::uint64_t resets() const;

  private:
    struct impl;
    explicit in_flight_lot(std::unique_ptr<impl> made) noexcept;
    std::unique_ptr<impl> impl_;
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
