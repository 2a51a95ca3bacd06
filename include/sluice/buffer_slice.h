// buffer_slice.h: shared, immutable bytes.
//
//      buffer_slice          storage (counted)
//     ┌──────┬──────┐       ┌───────────────────────────────┐
//     │ data │ size │──────▶│ . . . the bytes it shows . . .│──▶ release, when the last slice goes
//     └──────┴──────┘       └───────────────────────────────┘
//
// A slice always keeps its storage alive. The storage may be heap memory, a block of a pool, a
// mapped file or an object of the caller's; static bytes need none. Copying a slice copies no
// bytes: it counts one more owner. The storage is released at once when the last slice goes, in the
// thread that drops it.
//
// Threads: slices of one storage may be held, copied and dropped by different threads, and several
// may copy from one slice object at a time as long as none changes it. The exception are slices of
// thread-bound storages (an option of pools): share() must be called before the first slice of one
// reaches another thread.
//
// Cost: copying and dropping a slice is a load and a store each while the process has one thread or
// the storage is bound to one; otherwise an atomic addition each, but for the last drop
// (storage.h).
//
// Retention: slice() never copies, so a slice of ten bytes keeps a block of a mebibyte. Nothing is
// done about that unasked. retained() says how much a slice keeps, and compacted() is the slice
// itself or, if that is wasteful, a copy that keeps no more than it shows. Call it where slices are
// put away for long: in a cache, a table, a queue.
#pragma once

#include <cassert>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <sluice/byte_order.h>
#include <sluice/bytes.h>
#include <sluice/storage.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// When a slice keeps so much more than it shows that a copy is worth it: both must hold.
struct retention_policy {
    // Bytes kept and not shown, at least this many.
    std::size_t waste_min = 4096;
    // Bytes kept are at least this many times those shown; 0: however many are shown.
    std::size_t ratio_min = 4;

    // Whether `kept` bytes are too many for `shown` ones.
    [[nodiscard]] constexpr bool is_waste(std::uint64_t kept, std::uint64_t shown) const noexcept {
        return kept > shown && kept - shown >= waste_min &&
               (ratio_min == 0 || kept / ratio_min >= shown);
    }
};

class buffer_slice {
  public:
    buffer_slice() noexcept = default;
    buffer_slice(const buffer_slice& other) noexcept
        : data_(other.data_), size_(other.size_), storage_(other.storage_) {
        if (storage_ != nullptr) storage_->retain();
    }
    buffer_slice(buffer_slice&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          storage_(std::exchange(other.storage_, nullptr)) {}
    buffer_slice& operator=(buffer_slice other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(storage_, other.storage_);
        return *this;
    }
    ~buffer_slice() {
        if (storage_ != nullptr) storage_->drop();
    }

    // Bytes that live as long as the program, such as a literal. No copy, no count.
    [[nodiscard]] static buffer_slice of_static(std::string_view text) noexcept {
        return {as_bytes(text), nullptr};
    }
    // A copy of `bytes` on the heap: one allocation, one counted copy. May throw std::bad_alloc.
    [[nodiscard]] static buffer_slice copy_of(bytes_view bytes);
    // Bytes inside `owner`, which is kept until the last slice goes. One small allocation, no copy.
    // `retained` are the bytes of memory that go with the owner, where that is more than the slice
    // shows: what retained() says and compacted() goes by.
    template <typename T>
    [[nodiscard]] static buffer_slice within(std::shared_ptr<T> owner, bytes_view bytes);
    template <typename T>
    [[nodiscard]] static buffer_slice within(std::shared_ptr<T> owner, bytes_view bytes,
                                             std::size_t retained);
    // Bytes of the caller's, and how to give them back: `release` is called once, with no argument,
    // in the thread that drops the last slice, and must not throw. One small allocation, no copy.
    // If that throws std::bad_alloc, `release` is not called and the bytes are still the caller's.
    template <std::invocable Release>
    [[nodiscard]] static buffer_slice of_object(bytes_view bytes, Release release);
    // Bytes inside `owned`; takes over one count of it.
    [[nodiscard]] static buffer_slice adopt(bytes_view bytes, storage* owned) noexcept {
        if (detail::leak_recording.load(std::memory_order_relaxed)) [[unlikely]]
            detail::leak_track_foreign(owned);
        return {bytes, owned};
    }

    [[nodiscard]] const std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] bytes_view bytes() const noexcept { return {data_, size_}; }
    [[nodiscard]] std::string_view text() const noexcept { return as_text(bytes()); }

    // The `count` bytes from `from` on, sharing the storage. O(1). The range must lie within the
    // slice. Of a slice that is given up, the range takes over the owner's count: no counting.
    [[nodiscard]] buffer_slice slice(std::size_t from, std::size_t count) const& noexcept {
        assert(from <= size_ && count <= size_ - from);
        if (storage_ != nullptr) storage_->retain();
        return {bytes_view(data_ + from, count), storage_};
    }
    [[nodiscard]] buffer_slice slice(std::size_t from, std::size_t count) && noexcept {
        assert(from <= size_ && count <= size_ - from);
        buffer_slice part(std::move(*this));
        part.data_ += from;
        part.size_ = count;
        return part;
    }
    // Takes the first `count` bytes off and returns them; both share the storage. At most size().
    [[nodiscard]] buffer_slice split_front(std::size_t count) noexcept {
        auto front = slice(0, count);
        trim_front(count);
        return front;
    }
    // Drops `count` bytes at the front or at the back; at most size().
    void trim_front(std::size_t count) noexcept {
        assert(count <= size_);
        data_ += count;
        size_ -= count;
    }
    void trim_back(std::size_t count) noexcept {
        assert(count <= size_);
        size_ -= count;
    }

    // Equality and order of the bytes shown, as unsigned numbers; a prefix comes first.
    [[nodiscard]] friend bool operator==(const buffer_slice& one,
                                         const buffer_slice& other) noexcept {
        return one.text() == other.text();
    }
    [[nodiscard]] friend std::strong_ordering operator<=>(const buffer_slice& one,
                                                          const buffer_slice& other) noexcept {
        return one.text() <=> other.text();
    }

    // Where `wanted` first stands, at `from` or behind; nothing when it does not. Of no bytes at
    // all that is `from` itself. `from` may be anything up to size().
    [[nodiscard]] std::optional<std::size_t> find(std::byte wanted,
                                                  std::size_t from = 0) const noexcept;
    [[nodiscard]] std::optional<std::size_t> find(bytes_view wanted,
                                                  std::size_t from = 0) const noexcept;
    [[nodiscard]] bool starts_with(bytes_view wanted) const noexcept {
        return text().starts_with(as_text(wanted));
    }
    [[nodiscard]] bool ends_with(bytes_view wanted) const noexcept {
        return text().ends_with(as_text(wanted));
    }

    // The number in the bytes from `at` on, which must lie within the slice.
    template <scalar T>
    [[nodiscard]] T get_be(std::size_t at) const noexcept {
        assert(at <= size_ && sizeof(T) <= size_ - at);
        return load_be<T>(data_ + at);
    }
    template <scalar T>
    [[nodiscard]] T get_le(std::size_t at) const noexcept {
        assert(at <= size_ && sizeof(T) <= size_ - at);
        return load_le<T>(data_ + at);
    }

    // What it keeps alive, to tell whether two slices keep the same; null for static bytes.
    [[nodiscard]] const storage* owner() const noexcept { return storage_; }
    // Bytes of memory that this slice keeps alive; several slices of one storage each keep all of
    // it. 0 for static bytes; what is shown when the storage does not know its size.
    [[nodiscard]] std::size_t retained() const noexcept;
    // This slice again, or a copy of its bytes on the heap when it keeps too much by `policy`. A
    // copy lets the storage go with its other slices. May throw std::bad_alloc. A slice of a mapped
    // file that has lost bytes is copied with the zeros that stand for them: where that can happen,
    // ask mapping_fault_of() (mapped_region.h) of this slice behind it.
    [[nodiscard]] buffer_slice compacted(retention_policy policy = {}) const;

    // Lets other threads own slices of the same storage: see the file comment.
    void share() noexcept {
        if (storage_ != nullptr) storage_->share();
    }
    // Notes in the leak ledger, if the storage is tracked there, that this thread uses the bytes
    // now and at what place: what the report says of them last. Costs a branch if it is not.
    void touch(std::string_view where) const noexcept {
        if (storage_ != nullptr && storage_->is_tracked()) [[unlikely]]
            detail::leak_touch(*storage_, where);
    }

  private:
    buffer_slice(bytes_view bytes, storage* owned) noexcept
        : data_(bytes.data()), size_(bytes.size()), storage_(owned) {}

    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    storage* storage_ = nullptr;
};

namespace detail {
// An object of the caller's, and what to do with it in the end.
template <typename Release>
class lent_storage final : public storage {
  public:
    lent_storage(std::size_t size, Release&& release) : size_(size), release_(std::move(release)) {}
    [[nodiscard]] std::size_t capacity() const noexcept override { return size_; }

  private:
    void release() noexcept override {
        release_();
        delete this;
    }
    std::size_t size_;
    Release release_;
};
}  // namespace detail

template <std::invocable Release>
buffer_slice buffer_slice::of_object(bytes_view bytes, Release release) {
    return adopt(bytes, new detail::lent_storage<Release>(bytes.size(), std::move(release)));
}

template <typename T>
buffer_slice buffer_slice::within(std::shared_ptr<T> owner, bytes_view bytes) {
    return within(std::move(owner), bytes, bytes.size());
}

template <typename T>
buffer_slice buffer_slice::within(std::shared_ptr<T> owner, bytes_view bytes,
                                  std::size_t retained) {
    // The owner goes with the storage that holds it.
    auto keep = [kept = std::move(owner)] {};
    return adopt(bytes, new detail::lent_storage<decltype(keep)>(retained, std::move(keep)));
}

}  // namespace sluice::inline v0

#pragma GCC visibility pop
