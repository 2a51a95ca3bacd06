// A file into a socket and a socket into a file, through the library: processor time per GB.
//
//     bench_file_transfers --port=PORT --path=FILE [--bytes=N] [--milliseconds=N]
//
// Moves again and again until the time is over, each time over a connection of its own to
// 127.0.0.1:PORT, where bench_socket_peer is. FILE is the file that is sent, or a name for the one
// that is received, which is removed after each time; removing is not counted. The label says by
// which way the library moved the bytes.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sluice/file.h>
#include <sluice/file_transfer.h>
#include <sluice/sink.h>

#include "arguments.h"
#include "clocks.h"

namespace {

struct task {
    std::uint16_t port = 0;
    std::string path;
    std::uint64_t bytes = 0;
    double milliseconds = 0;
};

struct sums {
    std::uint64_t bytes = 0;
    std::uint64_t calls = 0;
    std::uint64_t transfers = 0;
    double cpu_s = 0;
    double elapsed_s = 0;
    std::string_view way;
};

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "bench_file_transfers: %s\n", what.c_str());
    std::exit(1);
}

template <typename T>
T value_of(sluice::result<T> outcome) {
    if (!outcome) fail(outcome.error().message());
    return std::move(*outcome);
}

sluice::unique_fd connect_to(std::uint16_t port) {
    sluice::unique_fd made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        fail("no connection over loopback");
    }
    return made;
}

// The parts of both kinds of report that are told.
template <typename Report>
void account(const Report& report, const task& what, sums& to) {
    if (report.failed) fail(report.failed->message());
    if (report.bytes != what.bytes) fail("fewer bytes were moved than there should be");
    to.calls += report.costs.total().calls;
    to.way = sluice::name_of(report.way);
}

void send_file(const task& what, int connection, sums& to) {
    const auto source = value_of(sluice::file::open(what.path));
    account(
        sluice::transfer_to(source.region(0, what.bytes), value_of(sluice::sink::of(connection))),
        what, to);
}

void receive_file(const task& what, int connection, sums& to) {
    const auto target =
        value_of(sluice::file::open(what.path, {.access = sluice::file_access::read_write,
                                                .create = sluice::file_creation::must_be_new}));
    account(
        sluice::transfer_from(value_of(sluice::byte_source::of(connection)), target, 0, what.bytes),
        what, to);
}

template <typename Move>
sums move_for_a_while(const task& what, Move move, bool remove) {
    sums sum;
    while (sum.elapsed_s * 1e3 < what.milliseconds) {
        {
            const auto connection = connect_to(what.port);
            const bench::process_cpu cpu;
            const bench::elapsed elapsed;
            move(what, connection.get(), sum);
            sum.cpu_s += cpu.ms() / 1e3;
            sum.elapsed_s += elapsed.ms() / 1e3;
        }
        if (remove) unlink(what.path.c_str());
        sum.bytes += what.bytes;
        ++sum.transfers;
    }
    return sum;
}

template <typename Move>
void add(const char* name, const task& what, Move move, bool remove) {
    benchmark::RegisterBenchmark(
        name,
        [&what, move, remove](benchmark::State& state) {
            task once = what;
            once.milliseconds = 1;
            move_for_a_while(once, move, remove);  // warms up, as the JVM is warm
            for (auto _ : state) {
                const sums sum = move_for_a_while(what, move, remove);
                const double gigabytes = static_cast<double>(sum.bytes) / 1e9;
                state.SetIterationTime(sum.elapsed_s);
                state.SetLabel(std::string(sum.way));
                state.counters["cpu_s_per_gb"] = sum.cpu_s / gigabytes;
                state.counters["seconds_per_gb"] = sum.elapsed_s / gigabytes;
                state.counters["calls"] = static_cast<double>(sum.calls);
                state.counters["transfers"] = static_cast<double>(sum.transfers);
            }
        })
        ->Iterations(1)
        ->UseManualTime();
}

}  // namespace

int main(int count, char** words) {
    const bench::arguments given(count, words);
    const task what{.port = static_cast<std::uint16_t>(given.number("port", 0)),
                    .path = given.text("path", ""),
                    .bytes = given.number("bytes", std::uint64_t{1} << 30U),
                    .milliseconds = static_cast<double>(given.number("milliseconds", 2000))};
    add("to-socket", what, send_file, false);
    add("from-socket", what, receive_file, true);
    benchmark::RunSpecifiedBenchmarks();
}
