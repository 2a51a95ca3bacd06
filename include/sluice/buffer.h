// buffer.h: unique, writable, growable bytes.
//
//     ┌───────────────┬───────────────┐
//     │     data      │   tailroom    │
//     └───────────────┴───────────────┘
//     ◀─── size() ───▶
//     ◀────────── capacity() ─────────▶
//
// Written by one owner, then frozen: freeze() hands the same memory on as a shared, immutable
// buffer_slice without a copy. Not synchronised: one thread at a time.
#pragma once

#include <cstddef>
#include <string_view>

#include <sluice/buffer_slice.h>
#include <sluice/bytes.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

class heap_storage;

class buffer {
  public:
    buffer() noexcept = default;
    // Room for `capacity` bytes; one allocation.
    explicit buffer(std::size_t capacity);
    buffer(buffer&& other) noexcept;
    buffer& operator=(buffer&& other) noexcept;
    ~buffer();

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t capacity() const noexcept;
    [[nodiscard]] bytes_view bytes() const noexcept;

    // The bytes behind the data that can be written; commit() makes the first `count` of them data.
    [[nodiscard]] writable_bytes tailroom() noexcept;
    void commit(std::size_t count) noexcept;

    // Adds a copy of `bytes`, growing when there is no room (which copies what was there). They
    // must not be the buffer's own.
    void append(bytes_view bytes);
    void append(std::string_view text) { append(as_bytes(text)); }
    // At least `count` bytes of tailroom; grows, at least twofold, by copying.
    void reserve(std::size_t count);
    void clear() noexcept { size_ = 0; }

    // The data as a shared slice. No copy. The buffer is empty and without memory afterwards.
    [[nodiscard]] buffer_slice freeze() && noexcept;

  private:
    heap_storage* storage_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
