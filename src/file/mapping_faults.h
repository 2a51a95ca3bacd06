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

#include <array>
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

// [begin, end), from a mapping's first page on.
struct byte_range {
    std::size_t begin = 0;
    std::size_t end = 0;

    [[nodiscard]] bool empty() const noexcept { return begin >= end; }
};

// The lost bytes of a mapping. Any thread may add to them, and so may the handler. Eight ranges are
// kept apart; what is added to them is kept as one more, with everything between.
class lost_bytes {
  public:
    static constexpr std::size_t ranges_apart = 8;
    using ranges = std::array<byte_range, ranges_apart + 1>;

    void add(byte_range lost) noexcept;
    [[nodiscard]] bool any() const noexcept;
    // The first lost byte in `of`.
    [[nodiscard]] std::optional<std::size_t> first_in(byte_range of) const noexcept;
    // Empties it and tells what was in it. What is added meanwhile stays. One thread at a time.
    ranges take() noexcept;

  private:
    // Is never seen with bytes that were not added to it: an end is there last and goes first.
    class slot {
      public:
        void widen(byte_range by) noexcept;
        [[nodiscard]] byte_range get() const noexcept { return {begin_.load(), end_.load()}; }
        byte_range take() noexcept;

      private:
        std::atomic<std::size_t> begin_{std::numeric_limits<std::size_t>::max()};
        std::atomic<std::size_t> end_{0};
    };
    [[nodiscard]] bool holds(byte_range wanted) const noexcept;

    std::array<slot, ranges_apart + 1> slots_;
    std::atomic<std::size_t> used_{0};
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
    [[nodiscard]] bool any_lost() const noexcept { return cut_off_.any() || unreadable_.any(); }
    [[nodiscard]] lost_bytes& unreadable() noexcept { return unreadable_; }
    [[nodiscard]] lost_bytes& cut_off() noexcept { return cut_off_; }

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
