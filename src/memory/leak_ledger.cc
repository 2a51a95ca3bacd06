#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <unordered_map>

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>

#include <sluice/leak_ledger.h>

#include "sys/clock.h"
#include "sys/threads.h"

namespace sluice::inline v0 {

namespace detail {
constinit std::atomic<bool> leak_recording{false};
}

namespace {

constexpr std::size_t frames_max = 40;

struct entry {
    const storage* held;
    std::int64_t made_ns;
    int thread_id;
    leak_ledger::call_stack stack;
    std::int64_t touched_ns = 0;
    std::optional<leak_ledger::touch> last_touch;
};

struct table {
    std::mutex mutex;
    std::unordered_map<const storage*, entry> entries;
    std::atomic<std::uint32_t> one_in{0};
    std::atomic<std::uint64_t> lost{0};
};

// Never destroyed: storages may end while the process does.
table& the_table() {
    static auto* const made = new table;
    return *made;
}

// The calls that led here, but for the ledger's own.
[[gnu::noinline]] leak_ledger::call_stack stack_of_caller() {
    constexpr int own = 2;
    std::array<void*, frames_max> frames;
    int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
    // Not in braces: those would make a vector of the two iterators.
    return leak_ledger::call_stack(frames.begin() + std::min(own, count), frames.begin() + count);
}

// Whether this storage's turn has come, in this thread.
bool is_sampled() {
    static thread_local std::uint32_t passed = 0;
    if (++passed < the_table().one_in.load(std::memory_order_relaxed)) return false;
    passed = 0;
    return true;
}

void start_recording(std::uint32_t one_in) {
    // The first backtrace loads a library, which allocates: better here than in an allocation.
    static_cast<void>(stack_of_caller());
    the_table().one_in.store(std::max(one_in, 1U), std::memory_order_relaxed);
    detail::leak_recording.store(true, std::memory_order_release);
}

leak_ledger::record shown(const entry& from, std::int64_t now) {
    leak_ledger::record made{from.held->kind(), from.held->capacity(),
                             from.thread_id,    std::chrono::nanoseconds(now - from.made_ns),
                             from.stack,        from.last_touch};
    if (made.last_touch) made.last_touch->age = std::chrono::nanoseconds(now - from.touched_ns);
    return made;
}

std::string_view name_of(storage_kind kind) {
    constexpr std::array<std::string_view, 4> names{"heap", "pool", "mapping", "object"};
    return names[static_cast<std::size_t>(kind)];
}

std::string seconds(std::chrono::nanoseconds age) {
    auto tenths = age.count() / 100'000'000;
    return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " s";
}

void append_stack(std::string& text, const leak_ledger::call_stack& stack) {
    for (std::size_t at = 0; at < stack.size(); ++at) {
        text += "    #" + std::to_string(at) + ' ' + describe_address(stack[at]) + '\n';
    }
}

void append_record(std::string& text, const leak_ledger::record& held) {
    text += std::to_string(held.size) + " bytes of " + std::string(name_of(held.kind)) + ", " +
            seconds(held.age) + " old, made by thread " + std::to_string(held.thread_id) + '\n';
    append_stack(text, held.stack);
    if (!held.last_touch) return;
    text += "    last touched " + seconds(held.last_touch->age) + " ago by thread " +
            std::to_string(held.last_touch->thread_id) + ": \"" + held.last_touch->where + "\"\n";
    append_stack(text, held.last_touch->stack);
}

}  // namespace

namespace detail {

void leak_track(storage& made) noexcept {
    if (made.is_tracked() || !is_sampled()) return;
    auto& known = the_table();
    try {
        entry added{&made, sys::monotonic_ns(), sys::thread_id(), stack_of_caller(), 0, {}};
        std::lock_guard lock(known.mutex);
        known.entries.insert_or_assign(&made, std::move(added));
        made.set_tracked(true);
    } catch (const std::bad_alloc&) {
        known.lost.fetch_add(1, std::memory_order_relaxed);
    }
}

void leak_track_foreign(storage* adopted) noexcept {
    if (adopted == nullptr) return;
    bool is_foreign =
        adopted->kind() == storage_kind::mapping || adopted->kind() == storage_kind::object;
    if (is_foreign) leak_track(*adopted);
}

void leak_forget(storage& ending) noexcept {
    auto& known = the_table();
    std::lock_guard lock(known.mutex);
    known.entries.erase(&ending);
    ending.set_tracked(false);
}

void leak_touch(const storage& used, std::string_view where) noexcept {
    auto& known = the_table();
    try {
        leak_ledger::touch made{std::string(where), sys::thread_id(), {}, stack_of_caller()};
        std::lock_guard lock(known.mutex);
        auto found = known.entries.find(&used);
        if (found == known.entries.end()) return;
        found->second.touched_ns = sys::monotonic_ns();
        found->second.last_touch = std::move(made);
    } catch (const std::bad_alloc&) {
        known.lost.fetch_add(1, std::memory_order_relaxed);
    }
}

}  // namespace detail

void leak_ledger::record_all() {
    start_recording(1);
}

void leak_ledger::record_one_in(std::uint32_t one_in) {
    start_recording(one_in);
}

void leak_ledger::record_nothing() noexcept {
    detail::leak_recording.store(false, std::memory_order_release);
}

leak_mode leak_ledger::mode() noexcept {
    if (!detail::leak_recording.load(std::memory_order_acquire)) return leak_mode::off;
    auto one_in = the_table().one_in.load(std::memory_order_relaxed);
    return one_in == 1 ? leak_mode::exact : leak_mode::sampled;
}

std::vector<leak_ledger::record> leak_ledger::live() {
    auto& known = the_table();
    std::vector<record> found;
    {
        // A storage ends only after leak_forget() has taken it out, so all of these are whole.
        std::lock_guard lock(known.mutex);
        auto now = sys::monotonic_ns();
        found.reserve(known.entries.size());
        for (const auto& [held, each] : known.entries)
            found.push_back(shown(each, now));
    }
    std::ranges::sort(found, std::ranges::greater(), &record::age);
    return found;
}

std::string leak_ledger::report() {
    auto found = live();
    std::size_t bytes = 0;
    for (const auto& each : found)
        bytes += each.size;
    auto text = std::to_string(found.size()) + (found.size() == 1 ? " storage, " : " storages, ") +
                std::to_string(bytes) + " bytes\n";
    for (const auto& each : found)
        append_record(text, each);
    return text;
}

std::size_t leak_ledger::live_count() noexcept {
    auto& known = the_table();
    std::lock_guard lock(known.mutex);
    return known.entries.size();
}

std::uint64_t leak_ledger::lost_count() noexcept {
    return the_table().lost.load(std::memory_order_relaxed);
}

void leak_ledger::forget_all() noexcept {
    auto& known = the_table();
    std::lock_guard lock(known.mutex);
    known.entries.clear();
}

std::string describe_address(const void* address) {
    Dl_info found{};
    // A return address may be behind its function's end, when the call does not return.
    const auto* call = static_cast<const std::byte*>(address) - 1;
    if (::dladdr(call, &found) == 0) return "?";
    if (found.dli_sname == nullptr) {
        auto offset =
            static_cast<const std::byte*>(address) - static_cast<const std::byte*>(found.dli_fbase);
        std::array<char, 32> hex{};
        static_cast<void>(std::snprintf(hex.data(), hex.size(), "+0x%tx", offset));
        return std::string(found.dli_fname) + hex.data();
    }
    int status = 0;
    std::unique_ptr<char, decltype(&std::free)> demangled(
        abi::__cxa_demangle(found.dli_sname, nullptr, nullptr, &status), &std::free);
    return demangled ? demangled.get() : found.dli_sname;
}

}  // namespace sluice::inline v0
