// buffer_slice.h: shared, immutable bytes.
//
//      buffer_slice          storage (counted)
//     ┌──────┬──────┐       ┌───────────────────────────────┐
//     │ data │ size │──────▶│ . . . the bytes it shows . . .│──▶ release, when the last slice goes
//     └──────┴──────┘       └───────────────────────────────┘
//
// A slice always keeps its storage alive. The storage may be heap memory, a mapped file or an
// object of the caller's; static bytes need none. Copying a slice copies no bytes: it counts one
// more owner.
//
// Threads: the count is atomic, so slices of one storage may be held, copied and dropped by
// different threads. One slice object is for one thread at a time.
#pragma once

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include <sluice/bytes.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// What a slice keeps alive: a count of owners and what to do when it reaches zero. Derive from it
// to lend foreign memory; `release` runs in the thread that drops the last slice and must not
// throw.
class storage {
  public:
    storage() noexcept = default;
    storage(const storage&) = delete;
    storage& operator=(const storage&) = delete;

    void retain() noexcept {
        // Relaxed: whoever retains already owns a slice, so the storage cannot go away meanwhile.
        owners_.fetch_add(1, std::memory_order_relaxed);
    }
    void drop() noexcept {
        // Release, so that this owner's reads happen before the storage goes; acquire for the one
        // that frees it, so that it sees all of them. (A fence would do for the latter, but
        // ThreadSanitizer does not know fences.)
        if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) release();
    }

  protected:
    virtual ~storage() = default;
    virtual void release() noexcept = 0;

  private:
    std::atomic<std::uint32_t> owners_{1};
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
    // A copy of `bytes` on the heap: one allocation, one counted copy.
    [[nodiscard]] static buffer_slice copy_of(bytes_view bytes);
    // Bytes inside `owner`, which is kept until the last slice goes. One small allocation, no copy.
    template <typename T>
    [[nodiscard]] static buffer_slice within(std::shared_ptr<T> owner, bytes_view bytes);
    // Bytes inside `owned`; takes over one count of it.
    [[nodiscard]] static buffer_slice adopt(bytes_view bytes, storage* owned) noexcept {
        return {bytes, owned};
    }

    [[nodiscard]] const std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] bytes_view bytes() const noexcept { return {data_, size_}; }
    [[nodiscard]] std::string_view text() const noexcept { return as_text(bytes()); }

    // The `count` bytes from `from` on, sharing the storage. O(1). The range must lie within the
    // slice.
    [[nodiscard]] buffer_slice slice(std::size_t from, std::size_t count) const noexcept {
        assert(from <= size_ && count <= size_ - from);
        if (storage_ != nullptr) storage_->retain();
        return {bytes().subspan(from, count), storage_};
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

  private:
    buffer_slice(bytes_view bytes, storage* owned) noexcept
        : data_(bytes.data()), size_(bytes.size()), storage_(owned) {}

    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    storage* storage_ = nullptr;
};

namespace detail {
template <typename T>
class shared_storage final : public storage {
  public:
    explicit shared_storage(std::shared_ptr<T> owner) noexcept : owner_(std::move(owner)) {}

  private:
    void release() noexcept override { delete this; }
    std::shared_ptr<T> owner_;
};
}  // namespace detail

template <typename T>
buffer_slice buffer_slice::within(std::shared_ptr<T> owner, bytes_view bytes) {
    return {bytes, new detail::shared_storage<T>(std::move(owner))};
}

}  // namespace sluice::inline v0

#pragma GCC visibility pop
