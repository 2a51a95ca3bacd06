#include <algorithm>
#include <cassert>
#include <utility>

#include <sluice/buffer.h>

#include "memory/heap_storage.h"

namespace sluice::inline v0 {

buffer::buffer(std::size_t capacity) : storage_(heap_storage::make(capacity)) {}

buffer::buffer(buffer&& other) noexcept
    : storage_(std::exchange(other.storage_, nullptr)), size_(std::exchange(other.size_, 0)) {}

buffer& buffer::operator=(buffer&& other) noexcept {
    std::swap(storage_, other.storage_);
    std::swap(size_, other.size_);
    return *this;
}

buffer::~buffer() {
    if (storage_ != nullptr) storage_->drop();
}

std::size_t buffer::capacity() const noexcept {
    return storage_ == nullptr ? 0 : storage_->bytes().size();
}

bytes_view buffer::bytes() const noexcept {
    return storage_ == nullptr ? bytes_view() : bytes_view(storage_->bytes().first(size_));
}

writable_bytes buffer::tailroom() noexcept {
    return storage_ == nullptr ? writable_bytes() : storage_->bytes().subspan(size_);
}

void buffer::commit(std::size_t count) noexcept {
    assert(count <= capacity() - size_);
    size_ += count;
}

void buffer::append(bytes_view bytes) {
    reserve(bytes.size());
    size_ += copy_bytes(tailroom(), bytes);
}

void buffer::reserve(std::size_t count) {
    if (capacity() - size_ >= count) return;
    buffer grown(std::max(size_ + count, 2 * capacity()));
    grown.size_ = copy_bytes(grown.tailroom(), bytes());
    *this = std::move(grown);
}

buffer_slice buffer::freeze() && noexcept {
    auto* owned = std::exchange(storage_, nullptr);
    if (owned == nullptr) return {};
    return buffer_slice::adopt(owned->bytes().first(std::exchange(size_, 0)), owned);
}

}  // namespace sluice::inline v0
