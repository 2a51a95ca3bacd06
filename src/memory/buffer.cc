#include <algorithm>
#include <cassert>
#include <limits>
#include <new>
#include <utility>

#include <sluice/buffer.h>

#include "memory/heap_storage.h"

namespace sluice::inline v0 {

namespace {

constexpr std::size_t largest = std::numeric_limits<std::ptrdiff_t>::max();

// The sum, or more than there can be.
std::size_t saturated_sum(std::size_t one, std::size_t other) noexcept {
    return one > largest - std::min(other, largest) ? largest : one + other;
}

}  // namespace

buffer::buffer(std::size_t capacity, std::size_t headroom)
    : buffer(heap_storage::make(saturated_sum(capacity, headroom)), headroom) {}

void buffer::append(bytes_view bytes) {
    if (bytes.size() > tailroom_size()) reserve(bytes.size());
    end_ += copy_bytes(tailroom(), bytes);
}

void buffer::append_fill(std::size_t count, std::byte value) {
    std::fill_n(grow_back(count), count, value);
}

void buffer::append_varint(std::uint64_t value) {
    store_varint(grow_back(varint_size(value)), value);
}

void buffer::prepend(bytes_view bytes) {
    auto* to = grow_front(bytes.size());
    copy_bytes({to, bytes.size()}, bytes);
}

void buffer::prepend_varint(std::uint64_t value) {
    store_varint(grow_front(varint_size(value)), value);
}

std::optional<std::uint64_t> buffer::take_varint() noexcept {
    auto loaded = load_varint(bytes());
    if (loaded.state != varint_state::complete) return std::nullopt;
    begin_ += loaded.size;
    return loaded.value;
}

std::optional<std::int64_t> buffer::take_zigzag() noexcept {
    auto value = take_varint();
    if (!value) return std::nullopt;
    return unzigzag(*value);
}

void buffer::reserve(std::size_t count) {
    if (!try_reserve(count)) throw std::bad_alloc();
}

result<void> buffer::try_reserve(std::size_t count) {
    if (tailroom_size() >= count) return {};
    // Moving the data to the front pays when as much has been consumed as is moved: then each byte
    // is moved once at most for each byte that was consumed.
    auto gained = headroom() - std::min(headroom(), wanted_headroom_);
    if (gained >= size() && tailroom_size() + gained >= count) {
        auto* front = block_->memory() + wanted_headroom_;
        end_ = front + copy_bytes({front, size()}, bytes());
        begin_ = front;
        return {};
    }
    return move_to_larger(wanted_headroom_, count);
}

void buffer::reserve_front(std::size_t count) {
    if (headroom() >= count) return;
    // What doubles the memory goes to the front, since that is where it was asked for.
    auto front = saturated_sum(count, capacity());
    if (!move_to_larger(front, tailroom_size())) throw std::bad_alloc();
}

// Memory with `front` bytes before the data and at least `back` behind it, and twice as much as
// before, so that many small additions copy each byte a bounded number of times.
result<void> buffer::move_to_larger(std::size_t front, std::size_t back) {
    auto needed = saturated_sum(saturated_sum(front, size()), back);
    auto wanted = std::max(needed, std::min(2 * capacity(), largest));
    auto grown = block_ == nullptr ? heap_storage::make_or_error(wanted) : block_->another(wanted);
    // Where there is no memory for twice as much, there may be for what is needed.
    if (!grown && wanted > needed) grown = block_->another(needed);
    if (!grown) return failure(std::move(grown));
    buffer larger(*grown, front);
    larger.end_ += copy_bytes(larger.tailroom(), bytes());
    larger.wanted_headroom_ = wanted_headroom_;
    swap(larger);
    return {};
}

buffer_slice buffer::freeze() && noexcept {
    auto* owned = std::exchange(block_, nullptr);
    auto data = bytes();
    begin_ = end_ = limit_ = nullptr;
    wanted_headroom_ = 0;
    if (owned == nullptr) return {};
    return buffer_slice::adopt(data, owned);
}

}  // namespace sluice::inline v0
