// A million small records appended to a new file: through the library, and by the bare loop that
// nobody who goes through memory can be faster than.
//
//     bench_appends --folder=PATH [--appends=N] [--record=BYTES] [--repeats=N]
//
// Each way gives ms (the appends alone), cpu_ms (of the thread, for the same), whole_ms and
// whole_cpu_ms (with creating, populating and closing the file): means over the repeats, after one
// that is not counted. The file is removed after each.
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

#include <sluice/buffered_appender.h>
#include <sluice/file.h>
#include <sluice/mapped_appender.h>

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

template <typename T>
T value_of(sluice::result<T> outcome) {
    if (!outcome) fail(outcome.error().message());
    return std::move(*outcome);
}

void check(const sluice::result<void>& outcome) {
    if (!outcome) fail(outcome.error().message());
}

// Not closed in the end, since that waits for the disk, which no other way here does.
times append_mapped(const task& what, const sluice::mapped_appender_options& options,
                    std::uint64_t reserved) {
    auto to = value_of(sluice::mapped_appender::open(what.path, options));
    if (reserved > 0) check(to.reserve(reserved));
    const auto took = time_appends(what, [&] {
        if (!to.append(what.record)) fail("append");
    });
    if (to.length() != what.size()) fail("fewer bytes than there should be");
    return took;
}

// All pages mapped and made writable before the first append.
times append_to_reserved(const task& what) {
    return append_mapped(
        what, {.window_size = what.size(), .window_size_max = what.size(), .populate = true},
        what.size());
}

sluice::file create(const task& what, bool append) {
    return value_of(sluice::file::open(what.path, {.access = sluice::file_access::write,
                                                   .create = sluice::file_creation::must_be_new,
                                                   .append = append}));
}

times append_buffered(const task& what) {
    auto to = value_of(sluice::buffered_appender::open(create(what, false)));
    const bench::elapsed elapsed;
    const bench::thread_cpu cpu;
    for (std::uint64_t i = 0; i < what.appends; ++i) {
        if (!to.append(what.record)) fail("append");
    }
    check(to.flush());
    return {elapsed.ms(), cpu.ms()};
}

times append_by_writes(const task& what) {
    const auto to = create(what, true);
    return time_appends(what, [&] {
        if (!to.append(what.record)) fail("append");
    });
}

// What each way leaves behind.
void remove_files(const task& what) {
    unlink(what.path.c_str());
    unlink((what.path + ".length").c_str());
}

// Runs one way and gives its figures.
template <typename Way>
void measure(benchmark::State& state, const task& what, Way way) {
    way(what);
    remove_files(what);
    times sum;
    double whole_ms = 0;
    double whole_cpu_ms = 0;
    for (auto _ : state) {
        for (std::uint64_t i = 0; i < what.repeats; ++i) {
            const bench::elapsed whole;
            const bench::thread_cpu whole_cpu;
            const times took = way(what);
            whole_ms += whole.ms();
            whole_cpu_ms += whole_cpu.ms();
            sum.ms += took.ms;
            sum.cpu_ms += took.cpu_ms;
            remove_files(what);
        }
        state.SetIterationTime(sum.ms / 1e3);
    }
    const auto repeats = static_cast<double>(what.repeats);
    state.counters["ms"] = sum.ms / repeats;
    state.counters["cpu_ms"] = sum.cpu_ms / repeats;
    state.counters["whole_ms"] = whole_ms / repeats;
    state.counters["whole_cpu_ms"] = whole_cpu_ms / repeats;
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
    add("mapping/reserved", what, append_to_reserved);
    add("mapping/growing", what,
        [](const task& t) { return append_mapped(t, {.populate = true}, 0); });
    add("stream", what, append_buffered);
    add("write", what, append_by_writes);
    benchmark::RunSpecifiedBenchmarks();
}
