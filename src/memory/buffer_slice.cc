#include <cstring>

#include <sluice/buffer_slice.h>

#include "memory/heap_storage.h"

namespace sluice::inline v0 {

buffer_slice buffer_slice::copy_of(bytes_view bytes) {
    if (bytes.empty()) return {};
    auto* owned = heap_storage::make(bytes.size());
    copy_bytes({owned->memory(), bytes.size()}, bytes);
    return {bytes_view(owned->memory(), bytes.size()), owned};
}

std::optional<std::size_t> buffer_slice::find(std::byte wanted, std::size_t from) const noexcept {
    assert(from <= size_);
    if (from == size_) return std::nullopt;
    const auto* found = static_cast<const std::byte*>(
        std::memchr(data_ + from, static_cast<int>(wanted), size_ - from));
    if (found == nullptr) return std::nullopt;
    return static_cast<std::size_t>(found - data_);
}

std::optional<std::size_t> buffer_slice::find(bytes_view wanted, std::size_t from) const noexcept {
    assert(from <= size_);
    if (wanted.empty()) return from;
    if (size_ - from < wanted.size()) return std::nullopt;
    const auto* found = static_cast<const std::byte*>(
        ::memmem(data_ + from, size_ - from, wanted.data(), wanted.size()));
    if (found == nullptr) return std::nullopt;
    return static_cast<std::size_t>(found - data_);
}

std::size_t buffer_slice::retained() const noexcept {
    if (storage_ == nullptr) return 0;
    auto known = storage_->capacity();
    return known == 0 ? size_ : known;
}

buffer_slice buffer_slice::compacted(retention_policy policy) const {
    return policy.is_waste(retained(), size_) ? copy_of(bytes()) : *this;
}

}  // namespace sluice::inline v0
