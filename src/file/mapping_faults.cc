#include "file/mapping_faults.h"

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "sys/mapping.h"
#include "sys/mapping_signal.h"

namespace sluice::inline v0 {

namespace {

std::atomic<mapping_watch*> first_watch{nullptr};
std::atomic<std::uint64_t> faults_taken{0};

// For those who begin and end watches; never taken in the handler.
std::mutex free_mutex;
mapping_watch* first_free = nullptr;

std::size_t round_up(std::size_t size) noexcept {
    auto page = sys::page_size();
    return (size + page - 1) / page * page;
}

}  // namespace

void lost_bytes::slot::widen(byte_range by) noexcept {
    auto low = begin_.load();
    while (by.begin < low && !begin_.compare_exchange_weak(low, by.begin)) {
    }
    auto high = end_.load();
    while (by.end > high && !end_.compare_exchange_weak(high, by.end)) {
    }
}

byte_range lost_bytes::slot::take() noexcept {
    auto end = end_.exchange(0);
    return {begin_.exchange(std::numeric_limits<std::size_t>::max()), end};
}

bool lost_bytes::holds(byte_range wanted) const noexcept {
    return std::ranges::any_of(slots_, [wanted](const slot& each) {
        auto lost = each.get();
        return lost.begin <= wanted.begin && wanted.end <= lost.end;
    });
}

void lost_bytes::add(byte_range lost) noexcept {
    if (lost.empty() || holds(lost)) return;
    slots_[std::min(used_.fetch_add(1), ranges_apart)].widen(lost);
}

bool lost_bytes::any() const noexcept {
    return std::ranges::any_of(slots_, [](const slot& each) { return !each.get().empty(); });
}

std::optional<std::size_t> lost_bytes::first_in(byte_range of) const noexcept {
    std::optional<std::size_t> first;
    for (const auto& each : slots_) {
        auto lost = each.get();
        auto at = std::max(lost.begin, of.begin);
        if (at >= std::min(lost.end, of.end)) continue;
        first = std::min(first.value_or(at), at);
    }
    return first;
}

lost_bytes::ranges lost_bytes::take() noexcept {
    ranges taken;
    auto used = used_.load();
    for (std::size_t at = 0; at < std::min(used, taken.size()); ++at)
        taken[at] = slots_[at].take();
    // Unless more was added since: that has slots behind these.
    used_.compare_exchange_strong(used, 0);
    return taken;
}

result<mapping_watch*> mapping_watch::begin(const watched_range& range) {
    if (auto ready = sys::handle_bus_errors(&mapping_watch::repair); !ready)
        return failure(std::move(ready));
    std::scoped_lock lock(free_mutex);
    auto* watch = first_free;
    if (watch != nullptr) {
        first_free = watch->next_free_;
        watch->set(range);
        return watch;
    }
    watch = new mapping_watch;
    watch->set(range);
    watch->next_ = first_watch.load();
    first_watch.store(watch);
    return watch;
}

void mapping_watch::end() noexcept {
    set({});
    cut_off_.take();
    unreadable_.take();
    std::scoped_lock lock(free_mutex);
    next_free_ = first_free;
    first_free = this;
}

void mapping_watch::grow(std::size_t size) noexcept {
    // Nothing else changes, so the handler need not pass over the watch: it must not.
    size_.store(round_up(size));
}

void mapping_watch::set(const watched_range& range) noexcept {
    version_.fetch_add(1);
    pages_.store(range.pages.data());
    size_.store(round_up(range.pages.size()));
    fd_.store(range.fd);
    position_.store(range.position);
    writable_.store(range.writable);
    version_.fetch_add(1);
}

bool mapping_watch::holds(const std::byte* address) const noexcept {
    auto version = version_.load();
    auto begin = reinterpret_cast<std::uintptr_t>(pages_.load());
    auto size = size_.load();
    bool changing = version % 2 != 0 || version_.load() != version;
    return !changing && reinterpret_cast<std::uintptr_t>(address) - begin < size;
}

mapping_watch* mapping_watch::find(const std::byte* address) noexcept {
    auto* watch = first_watch.load();
    while (watch != nullptr && !watch->holds(address))
        watch = watch->next_;
    return watch;
}

bool mapping_watch::replace(std::size_t from, std::size_t to) noexcept {
    return sys::replace_by_zeros(pages_.load() + from, to - from, writable_.load());
}

bool mapping_watch::repair(const std::byte* address) noexcept {
    auto* watch = find(address);
    if (watch == nullptr) return false;
    faults_taken.fetch_add(1);
    auto touched = watch->offset_of(address);
    auto first = touched - touched % sys::page_size();
    auto size = watch->size_.load();
    auto position = watch->position_.load();
    auto file_size = sys::size_in_handler(watch->fd_.load());
    if (file_size && *file_size <= position + first) {
        // All that is behind the end at once, so that one signal is enough. The bytes between the
        // end and its page's end are lost too: the kernel shows zeros there without a signal.
        auto kept = static_cast<std::size_t>(*file_size - std::min(*file_size, position));
        watch->cut_off_.add({kept, size});
        return watch->replace(round_up(kept), size);
    }
    auto end = std::min(first + sys::page_size(), size);
    watch->unreadable_.add({first, end});
    return watch->replace(first, end);
}

std::optional<mapping_fault> mapping_watch::fault_in(std::size_t from,
                                                     std::size_t to) const noexcept {
    auto position = position_.load();
    for (const auto* lost : {&cut_off_, &unreadable_}) {
        auto first = lost->first_in({from, to});
        if (!first) continue;
        auto reason = lost == &cut_off_ ? ENODATA : EIO;
        return mapping_fault{.reason = reason, .position = position + *first};
    }
    return std::nullopt;
}

std::optional<mapping_fault> mapping_fault_of(bytes_view bytes) noexcept {
    // The bytes are read before this and the marks after it: the compiler may not turn that round.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (faults_taken.load() == 0 || bytes.empty()) return std::nullopt;
    const auto* watch = mapping_watch::find(bytes.data());
    if (watch == nullptr) return std::nullopt;
    auto from = watch->offset_of(bytes.data());
    return watch->fault_in(from, from + bytes.size());
}

std::uint64_t mapping_faults_taken() noexcept {
    return faults_taken.load();
}

}  // namespace sluice::inline v0
