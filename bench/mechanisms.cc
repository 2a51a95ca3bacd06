// What the sender of a response pays, by mechanism and by size: where one becomes cheaper than
// another.
//
//     bench_mechanisms FILE BATCHES [SENDER_CORE RECEIVER_CORE]
//
// Sends responses (a head of 220 bytes and a body) through the library over TCP on loopback to a
// thread that discards them in the kernel (MSG_TRUNC), and prints one line of JSON for each size
// and way: microseconds of the sending thread's CPU for one response (10th percentile and median
// over batches), system calls for one response, and bytes copied for one byte sent, from the
// ledger.
//
// The bodies walk through FILE, which should be larger than the processor's caches and must be in
// the page cache. The ways take turns batch by batch, so that a change of the machine hits all
// alike. A batch fits into the socket's buffer and starts when the one before has been received, so
// that waiting is not part of it. FILE must be larger than the largest body.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sluice/file.h>
#include <sluice/transfer.h>

namespace {

constexpr std::size_t head_size = 220;
constexpr std::uint64_t batch_bytes = std::uint64_t{256} * 1024;
constexpr std::array<std::uint64_t, 12> body_sizes = {
    512,       1024,      2 * 1024,  4 * 1024,   8 * 1024,   16 * 1024,
    32 * 1024, 64 * 1024, 128 << 10, 256 * 1024, 512 * 1024, 1024 * 1024};

// Where the body comes from and how the transfer is told to move it.
struct way {
    std::string_view name;
    bool from_memory = false;
    std::optional<sluice::mechanism> forced = std::nullopt;
    // File pieces up to this size are read and sent in one call with the head.
    std::uint64_t joined_file_max = 0;
    bool check_residency = false;
};

constexpr std::array<way, 7> ways = {{
    {.name = "memory, gathered_write", .from_memory = true},
    {.name = "read_write", .forced = sluice::mechanism::read_write},
    {.name = "mapped_write", .forced = sluice::mechanism::mapped_write},
    {.name = "splice", .forced = sluice::mechanism::splice},
    {.name = "sendfile", .forced = sluice::mechanism::sendfile},
    {.name = "sendfile, residency checked",
     .forced = sluice::mechanism::sendfile,
     .check_residency = true},
    {.name = "auto", .joined_file_max = sluice::profile{}.joined_file_max, .check_residency = true},
}};

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "bench_mechanisms: %s\n", what.c_str());
    std::exit(1);
}

template <typename T>
T value_of(sluice::result<T> outcome) {
    if (!outcome) fail(outcome.error().message());
    return std::move(*outcome);
}

void pin_this_thread(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (core >= 0) pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

std::int64_t thread_cpu_ns() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// A connected pair of TCP sockets on loopback.
struct socket_pair {
    sluice::unique_fd sender;
    sluice::unique_fd receiver;
};

socket_pair connect_pair() {
    const sluice::unique_fd listening(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    socket_pair made;
    made.receiver.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (bind(listening.get(), generic, size) != 0 || listen(listening.get(), 1) != 0 ||
        getsockname(listening.get(), generic, &size) != 0 ||
        connect(made.receiver.get(), generic, size) != 0) {
        fail("no connection over loopback");
    }
    made.sender.reset(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const int on = 1;
    setsockopt(made.sender.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return made;
}

// Receives and discards in a thread of its own.
class receiver {
  public:
    receiver(int fd, int core) : thread_([this, fd, core] { run(fd, core); }) {}
    ~receiver() { thread_.join(); }
    receiver(const receiver&) = delete;
    receiver& operator=(const receiver&) = delete;

    void wait_for(std::uint64_t total) const {
        while (received_.load(std::memory_order_acquire) < total) {
            std::this_thread::yield();
        }
    }

  private:
    void run(int fd, int core) {
        pin_this_thread(core);
        for (;;) {
            // MSG_TRUNC: the kernel drops the bytes instead of copying them.
            const ssize_t got = recv(fd, nullptr, std::size_t{1} << 20U, MSG_TRUNC);
            if (got <= 0) return;
            received_.fetch_add(static_cast<std::uint64_t>(got), std::memory_order_release);
        }
    }

    std::atomic<std::uint64_t> received_{0};
    std::thread thread_;
};

// What all ways send: the file, and its content once more in memory.
struct content {
    sluice::file source;
    std::uint64_t size = 0;
    sluice::buffer_slice head;
    sluice::buffer_slice memory;
};

content read_content(const std::string& path) {
    auto source = value_of(sluice::file::open(path));
    const auto size = value_of(source.size());
    auto bytes = std::make_shared<std::vector<std::byte>>(size);
    value_of(source.read_at(0, *bytes));
    auto head = std::make_shared<std::string>(head_size, 'h');
    return {std::move(source), size, sluice::buffer_slice::within(head, sluice::as_bytes(*head)),
            sluice::buffer_slice::within(bytes, std::as_bytes(std::span(*bytes)))};
}

// One way at one size: its connection's transfer, where it is in the content, and its figures.
class contender {
  public:
    contender(const way& chosen, const content& what, std::uint64_t body_size, int sender_fd)
        : way_(chosen),
          content_(what),
          body_size_(body_size),
          out_(value_of(sluice::sink::of(sender_fd)),
               {.sizes = {.joined_file_max = chosen.joined_file_max},
                .forced = chosen.forced,
                .check_residency = chosen.check_residency}) {}

    // Sends a batch; returns the bytes sent.
    std::uint64_t send_batch() {
        const std::uint64_t count = std::max<std::uint64_t>(1, batch_bytes / body_size_);
        const std::int64_t start = thread_cpu_ns();
        for (std::uint64_t i = 0; i < count; ++i)
            send_one();
        const std::int64_t spent = thread_cpu_ns() - start;
        costs_us_.push_back(static_cast<double>(spent) / 1e3 / static_cast<double>(count));
        responses_ += count;
        return count * (head_size + body_size_);
    }

    // The first batches pay for page tables, pipes and a growing window.
    void forget_warm_up() {
        costs_us_.clear();
        responses_ = 0;
        out_.reset_costs();
    }

    void print() {
        std::ranges::sort(costs_us_);
        const auto total = out_.costs().total();
        const auto copied = static_cast<double>(total.copied_user_kernel + total.copied_user);
        std::printf(
            "{\"body_bytes\": %llu, \"way\": \"%.*s\", \"p10_us\": %.3f, \"median_us\": %.3f, "
            "\"calls_per_response\": %.2f, \"copies_per_byte\": %.3f}\n",
            static_cast<unsigned long long>(body_size_), static_cast<int>(way_.name.size()),
            way_.name.data(), costs_us_[costs_us_.size() / 10], costs_us_[costs_us_.size() / 2],
            static_cast<double>(total.calls) / static_cast<double>(responses_),
            copied / static_cast<double>(total.bytes));
    }

  private:
    void send_one() {
        if (position_ + body_size_ > content_.size) position_ = 0;
        out_.pieces().append(content_.head);
        if (way_.from_memory) {
            out_.pieces().append(content_.memory.slice(position_, body_size_));
        } else {
            out_.pieces().append(content_.source.region(position_, body_size_));
        }
        position_ += body_size_;
        const auto moved = value_of(out_.step());
        if (moved.state != sluice::progress_state::done) {
            fail(std::string(way_.name) + ": the file is not in the page cache, or too short");
        }
    }

    const way& way_;
    const content& content_;
    std::uint64_t body_size_;
    std::uint64_t position_ = 0;
    std::uint64_t responses_ = 0;
    sluice::transfer out_;
    std::vector<double> costs_us_;
};

void measure_size(const content& what, std::uint64_t body_size, int batches, int receiver_core) {
    socket_pair pair = connect_pair();
    receiver sink(pair.receiver.get(), receiver_core);
    std::vector<std::unique_ptr<contender>> contenders;
    for (const way& each : ways) {
        contenders.push_back(std::make_unique<contender>(each, what, body_size, pair.sender.get()));
    }
    constexpr int warm_up = 5;
    std::uint64_t sent = 0;
    for (int batch = -warm_up; batch < batches; ++batch) {
        for (auto& each : contenders) {
            if (batch == 0) each->forget_warm_up();
            sent += each->send_batch();
            sink.wait_for(sent);
        }
    }
    for (auto& each : contenders)
        each->print();
    std::fflush(stdout);
    shutdown(pair.sender.get(), SHUT_WR);  // ends the receiver
}

}  // namespace

int main(int count, char** words) {
    if (count != 3 && count != 5) {
        std::fputs("usage: bench_mechanisms FILE BATCHES [SENDER_CORE RECEIVER_CORE]\n", stderr);
        return 2;
    }
    const int batches = std::max(10, std::atoi(words[2]));
    pin_this_thread(count == 5 ? std::atoi(words[3]) : -1);
    const content what = read_content(words[1]);
    for (const std::uint64_t size : body_sizes) {
        measure_size(what, size, batches, count == 5 ? std::atoi(words[4]) : -1);
    }
}
