// buffer.h: unique, writable, growable bytes.
//
//     ┌───────────────┬───────────────┬───────────────┐
//     │   headroom    │     data      │   tailroom    │
//     └───────────────┴───────────────┴───────────────┘
//                     ◀─── size() ───▶
//     ◀────────────────── capacity() ─────────────────▶
//
// Written by one owner, then frozen: freeze() hands the same memory on as a shared, immutable
// buffer_slice without a copy. What is written goes behind the data (append) or before it
// (prepend); what is read comes off the front (take, consume).
//
//     buffer message(256, 4);                       // on the heap, 4 bytes of headroom
//     message.append_be(std::uint16_t{7});
//     message.append("hello");
//     message.prepend_be(std::uint32_t(message.size()));
//     out.append(std::move(message).freeze());
//
// Memory: from the heap, or a block of the pool that made the buffer (buffer_pool.h). A buffer that
// gets too small moves its data into memory of the same origin, twice as large. That is the only
// copy it makes by itself. All sizes are 64-bit.
//
// Errors: append, prepend and reserve throw std::bad_alloc when there is no memory and leave the
// buffer as it was; try_reserve() returns the error instead.
//
// Not synchronised: one thread at a time.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <sluice/buffer_slice.h>
#include <sluice/byte_order.h>
#include <sluice/bytes.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

namespace detail {
// Memory that can be written as long as it has one owner, and where more of its kind comes from.
class block : public storage {
  public:
    [[nodiscard]] std::byte* memory() const noexcept { return memory_; }
    [[nodiscard]] std::size_t capacity() const noexcept final { return capacity_; }
    // Another block of the same origin with at least `capacity` bytes; one owner. ENOMEM, naming
    // the origin or its budget, when there is none.
    [[nodiscard]] virtual result<block*> another(std::size_t capacity) const noexcept = 0;

  protected:
    block(storage_kind kind, std::byte* memory, std::size_t capacity) noexcept
        : storage(kind), memory_(memory), capacity_(capacity) {}

  private:
    std::byte* memory_;
    std::size_t capacity_;
};
}  // namespace detail

class buffer {
  public:
    // Without memory; the first byte written allocates on the heap.
    buffer() noexcept = default;
    // Room for `capacity` bytes, and for `headroom` more before them; one allocation on the heap.
    // Throws std::bad_alloc.
    explicit buffer(std::size_t capacity, std::size_t headroom = 0);
    // For pools: takes over the one owner's count of `owned`. Does not throw.
    buffer(detail::block* owned, std::size_t headroom) noexcept
        : block_(owned),
          begin_(owned->memory() + headroom),
          end_(begin_),
          limit_(owned->memory() + owned->capacity()),
          wanted_headroom_(headroom) {}
    buffer(buffer&& other) noexcept
        : block_(std::exchange(other.block_, nullptr)),
          begin_(std::exchange(other.begin_, nullptr)),
          end_(std::exchange(other.end_, nullptr)),
          limit_(std::exchange(other.limit_, nullptr)),
          wanted_headroom_(std::exchange(other.wanted_headroom_, 0)) {}
    buffer& operator=(buffer&& other) noexcept {
        buffer taken(std::move(other));
        swap(taken);
        return *this;
    }
    ~buffer() {
        if (block_ != nullptr) block_->drop();
    }

    [[nodiscard]] std::size_t size() const noexcept {
        return static_cast<std::size_t>(end_ - begin_);
    }
    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
    // Headroom, data and tailroom together.
    [[nodiscard]] std::size_t capacity() const noexcept {
        return block_ == nullptr ? 0 : block_->capacity();
    }
    // Bytes that can be written before the data without moving it.
    [[nodiscard]] std::size_t headroom() const noexcept {
        return block_ == nullptr ? 0 : static_cast<std::size_t>(begin_ - block_->memory());
    }
    // The data, for reading and for writing.
    [[nodiscard]] bytes_view bytes() const noexcept { return {begin_, size()}; }
    [[nodiscard]] writable_bytes data() noexcept { return {begin_, size()}; }
    [[nodiscard]] std::string_view text() const noexcept { return as_text(bytes()); }

    // The bytes behind the data that can be written; commit() makes the first `count` of them data.
    [[nodiscard]] writable_bytes tailroom() noexcept { return {end_, tailroom_size()}; }
    void commit(std::size_t count) noexcept {
        assert(count <= tailroom_size());
        end_ += count;
    }

    // Adds a copy of `bytes` behind the data, growing when there is no room. They must not be the
    // buffer's own.
    void append(bytes_view bytes);
    void append(std::string_view text) { append(as_bytes(text)); }
    // Adds `count` times the same byte.
    void append_fill(std::size_t count, std::byte value);
    // Adds a number: with the most significant byte first, with it last, or of variable length
    // (byte_order.h says what that is).
    template <scalar T>
    void append_be(T value) {
        store_be(grow_back(sizeof(T)), value);
    }
    template <scalar T>
    void append_le(T value) {
        store_le(grow_back(sizeof(T)), value);
    }
    void append_varint(std::uint64_t value);
    void append_zigzag(std::int64_t value) { append_varint(zigzag(value)); }

    // The same before the data. Without headroom enough the data moves, which copies it.
    void prepend(bytes_view bytes);
    void prepend(std::string_view text) { prepend(as_bytes(text)); }
    template <scalar T>
    void prepend_be(T value) {
        store_be(grow_front(sizeof(T)), value);
    }
    template <scalar T>
    void prepend_le(T value) {
        store_le(grow_front(sizeof(T)), value);
    }
    void prepend_varint(std::uint64_t value);

    // At least `count` bytes of tailroom. Moves the data to the front if it has been consumed so
    // far that this suffices, else takes memory at least twice as large; both copy the data.
    void reserve(std::size_t count);
    [[nodiscard]] result<void> try_reserve(std::size_t count);
    // At least `count` bytes of headroom. Moves the data into other memory if there are fewer.
    void reserve_front(std::size_t count);

    // Drops `count` bytes at the front, which become headroom, or at the back, which become
    // tailroom. At most size(). Nothing moves.
    void consume(std::size_t count) noexcept {
        assert(count <= size());
        begin_ += count;
    }
    void trim_back(std::size_t count) noexcept {
        assert(count <= size());
        end_ -= count;
    }
    // Takes a number off the front. There must be sizeof(T) bytes of data: look at size() first.
    template <scalar T>
    [[nodiscard]] T take_be() noexcept {
        auto value = peek_be<T>();
        begin_ += sizeof(T);
        return value;
    }
    template <scalar T>
    [[nodiscard]] T take_le() noexcept {
        auto value = peek_le<T>();
        begin_ += sizeof(T);
        return value;
    }
    // The same, and the number stays.
    template <scalar T>
    [[nodiscard]] T peek_be(std::size_t at = 0) const noexcept {
        assert(at <= size() && sizeof(T) <= size() - at);
        return load_be<T>(begin_ + at);
    }
    template <scalar T>
    [[nodiscard]] T peek_le(std::size_t at = 0) const noexcept {
        assert(at <= size() && sizeof(T) <= size() - at);
        return load_le<T>(begin_ + at);
    }
    // Takes a number of variable length off the front, if all of it is there and well-formed;
    // otherwise nothing is taken. load_varint(bytes()) tells which of the two is amiss.
    [[nodiscard]] std::optional<std::uint64_t> take_varint() noexcept;
    [[nodiscard]] std::optional<std::int64_t> take_zigzag() noexcept;

    // No data; memory and wanted headroom stay.
    void clear() noexcept {
        if (block_ != nullptr) begin_ = end_ = block_->memory() + wanted_headroom_;
    }
    void swap(buffer& other) noexcept {
        std::swap(block_, other.block_);
        std::swap(begin_, other.begin_);
        std::swap(end_, other.end_);
        std::swap(limit_, other.limit_);
        std::swap(wanted_headroom_, other.wanted_headroom_);
    }

    // The data as a shared slice. No copy. The buffer is empty and without memory afterwards.
    [[nodiscard]] buffer_slice freeze() && noexcept;

  private:
    [[nodiscard]] std::size_t tailroom_size() const noexcept {
        return static_cast<std::size_t>(limit_ - end_);
    }
    // Makes `count` bytes at the end or at the front data and returns where they begin.
    std::byte* grow_back(std::size_t count) {
        if (tailroom_size() < count) [[unlikely]]
            reserve(count);
        return std::exchange(end_, end_ + count);
    }
    std::byte* grow_front(std::size_t count) {
        if (headroom() < count) [[unlikely]]
            reserve_front(count);
        return begin_ -= count;
    }
    [[nodiscard]] result<void> move_to_larger(std::size_t front, std::size_t back);

    detail::block* block_ = nullptr;
    std::byte* begin_ = nullptr;  // of the data
    std::byte* end_ = nullptr;    // of the data
    std::byte* limit_ = nullptr;  // of the memory
    std::size_t wanted_headroom_ = 0;
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
