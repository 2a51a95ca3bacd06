// A million small records appended to a new file: through the library, and by the bare loop that
// nobody who goes through memory can be faster than.
//
//     bench_appends --folder=PATH [--appends=N] [--record=BYTES] [--repeats=N]
//
// Each way gives ms (the appends alone), cpu_ms (of the thread, for the same) and whole_ms (with
// creating, populating and closing the file): means over the repeats, after one that is not
// counted. The file is removed after each.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arguments.h"
#include "clocks.h"

namespace {

struct task {
    std::string path;
    std::uint64_t appends = 0;
    std::vector<std::byte> record;
    std::uint64_t repeats = 0;

    [[nodiscard]] std::uint64_t size() const { return appends * record.size(); }
};

struct times {
    double ms = 0;
    double cpu_ms = 0;
};

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "bench_appends: %s\n", what.c_str());
    std::exit(1);
}

// Times `append`, which takes no argument and is called so often.
template <typename Append>
times time_appends(const task& what, Append append) {
    const bench::elapsed elapsed;
    const bench::thread_cpu cpu;
    for (std::uint64_t i = 0; i < what.appends; ++i)
        append();
    return {elapsed.ms(), cpu.ms()};
}

// A new file of the full size, mapped; populated ahead or not.
class bare_mapping {
  public:
    bare_mapping(const task& what, bool populated) : size_(what.size()) {
        fd_ = open(what.path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd_ < 0 || posix_fallocate(fd_, 0, static_cast<off_t>(size_)) != 0) fail(what.path);
        memory_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
        if (memory_ == MAP_FAILED) fail("mmap");
        if (populated && madvise(memory_, size_, MADV_POPULATE_WRITE) != 0) fail("madvise");
    }
    ~bare_mapping() {
        munmap(memory_, size_);
        close(fd_);
    }
    bare_mapping(const bare_mapping&) = delete;
    bare_mapping& operator=(const bare_mapping&) = delete;

    [[nodiscard]] std::byte* memory() const { return static_cast<std::byte*>(memory_); }

  private:
    std::size_t size_;
    int fd_ = -1;
    void* memory_ = nullptr;
};

times append_bare(const task& what, bool populated) {
    const bare_mapping mapping(what, populated);
    std::byte* at = mapping.memory();
    return time_appends(what, [&] {
        // As for any append call, the size is not known when the loop is compiled.
        std::size_t size = what.record.size();
        benchmark::DoNotOptimize(size);
        std::memcpy(at, what.record.data(), size);
        at += size;
    });
}

// Runs one way and gives its figures. A time that cannot be had is said, not made up.
template <typename Way>
void measure(benchmark::State& state, const task& what, Way way) {
    way(what);
    unlink(what.path.c_str());
    times sum;
    double whole_ms = 0;
    for (auto _ : state) {
        for (std::uint64_t i = 0; i < what.repeats; ++i) {
            const bench::elapsed whole;
            const times took = way(what);
            whole_ms += whole.ms();
            sum.ms += took.ms;
            sum.cpu_ms += took.cpu_ms;
            unlink(what.path.c_str());
        }
        state.SetIterationTime(sum.ms / 1e3);
    }
    const auto repeats = static_cast<double>(what.repeats);
    state.counters["ms"] = sum.ms / repeats;
    state.counters["cpu_ms"] = sum.cpu_ms / repeats;
    state.counters["whole_ms"] = whole_ms / repeats;
}

template <typename Way>
void add(const char* name, const task& what, Way way) {
    benchmark::RegisterBenchmark(
        name, [&what, way](benchmark::State& state) { measure(state, what, way); })
        ->Iterations(1)
        ->UseManualTime();
}

}  // namespace

int main(int count, char** words) {
    const bench::arguments given(count, words);
    const task what{.path = given.text("folder", ".") + "/appended",
                    .appends = given.number("appends", 1'000'000),
                    .record = std::vector(given.number("record", 60), std::byte{'r'}),
                    .repeats = given.number("repeats", 3)};
    add("bare/populated", what, [](const task& t) { return append_bare(t, true); });
    add("bare/fresh", what, [](const task& t) { return append_bare(t, false); });
    benchmark::RunSpecifiedBenchmarks();
}
