// mapping_faults.h: what happens when a page of a mapped file cannot be had.
//
//      thread touches a page that the file no longer has ──▶ SIGBUS, in that thread
//          handler: find the watch whose range holds the address
//                   write down in the watch which bytes are lost (first, so that nobody who sees
//                   the zeros misses it)
//                   map pages of zeros over them
//      the access goes on and reads zeros (or stores into nothing)
//      whoever checks the access asks the watch ──▶ error
//
// Nothing is unwound: a longjmp out of the handler would skip destructors and leave locks held. So
// code that does not check survives as well, and finds zeros.
//
// The handler walks a list of watches that only grows and takes no lock. A watch that is given up
// is used again for the next mapping and is never freed; the list is as long as the largest number
// of mappings that there were at one time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include <sluice/bytes.h>
#include <sluice/mapped_region.h>
#include <sluice/result.h>

namespace sluice::inline v0 {

// A mapping as the handler has to know it. `fd` stays open as long as it is watched.
struct watched_range {
    writable_bytes pages;
    int fd = -1;
    std::uint64_t position = 0;  // of the first page in the file
    bool writable = false;
};

// The lost bytes of a mapping, [begin, end) from its first page on. Any thread may add to them, and
// so may the handler.
class lost_bytes {
  public:
    void add(std::size_t begin, std::size_t end) noexcept;
    void clear() noexcept;
    [[nodiscard]] bool any() const noexcept { return begin_.load() < end_.load(); }
    [[nodiscard]] std::size_t begin() const noexcept { return begin_.load(); }
    [[nodiscard]] std::size_t end() const noexcept { return end_.load(); }
    [[nodiscard]] bool overlaps(std::size_t from, std::size_t to) const noexcept {
        return from < end_.load() && begin_.load() < to;
    }

  private:
    std::atomic<std::size_t> begin_{std::numeric_limits<std::size_t>::max()};
    std::atomic<std::size_t> end_{0};
};

class mapping_watch {
  public:
    // Watches a range; installs the signal handler when it is the first. May throw std::bad_alloc.
    [[nodiscard]] static result<mapping_watch*> begin(const watched_range& range);
    // Ends it, before the pages are unmapped. The watch may be another mapping's from then on.
    void end() noexcept;
    // The mapping has other pages, which no thread touches yet.
    void change(const watched_range& range) noexcept { set(range); }
    // The mapping has become longer where it is; threads may be touching it.
    void grow(std::size_t size) noexcept;

    // The first lost byte of [from, to), counted from the first page. No system call.
    [[nodiscard]] std::optional<mapping_fault> fault_in(std::size_t from,
                                                        std::size_t to) const noexcept;
    // The file is there again: nothing is lost.
    void forgive() noexcept;
    [[nodiscard]] bool any_lost() const noexcept { return cut_off_.any() || unreadable_.any(); }
    [[nodiscard]] const lost_bytes& unreadable() const noexcept { return unreadable_; }
    [[nodiscard]] const lost_bytes& cut_off() const noexcept { return cut_off_; }

    // In the signal handler: repairs the mapping that holds `address`. False when none does.
    static bool repair(const std::byte* address) noexcept;
    // The watch whose range holds the byte, or null.
    [[nodiscard]] static mapping_watch* find(const std::byte* address) noexcept;
    [[nodiscard]] std::size_t offset_of(const std::byte* address) const noexcept {
        return static_cast<std::size_t>(address - pages_.load());
    }

  private:
    [[nodiscard]] bool holds(const std::byte* address) const noexcept;
    [[nodiscard]] bool replace(std::size_t from, std::size_t to) noexcept;
    void set(const watched_range& range) noexcept;

    // Odd while what follows is being changed. The handler may meet that only in watches of other
    // mappings than the one that was touched, and passes over them.
    std::atomic<std::uint32_t> version_{0};
    std::atomic<std::byte*> pages_{nullptr};
    std::atomic<std::size_t> size_{0};
    std::atomic<int> fd_{-1};
    std::atomic<std::uint64_t> position_{0};
    std::atomic<bool> writable_{false};

    lost_bytes unreadable_;
    lost_bytes cut_off_;
    mapping_watch* next_ = nullptr;       // in the list; does not change
    mapping_watch* next_free_ = nullptr;  // among those that are not in use
};

}  // namespace sluice::inline v0
