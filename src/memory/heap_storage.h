// heap_storage.h: a storage whose bytes follow it in one allocation.
#pragma once

#include <cstddef>

#include <sluice/buffer_slice.h>
#include <sluice/bytes.h>

namespace sluice::inline v0 {

class heap_storage final : public storage {
  public:
    // One allocation for the count and `capacity` bytes, which are not initialised. One owner.
    [[nodiscard]] static heap_storage* make(std::size_t capacity);

    [[nodiscard]] writable_bytes bytes() noexcept {
        return {reinterpret_cast<std::byte*>(this + 1), capacity_};
    }

  private:
    explicit heap_storage(std::size_t capacity) noexcept : capacity_(capacity) {}
    void release() noexcept override;

    std::size_t capacity_;
};

}  // namespace sluice::inline v0
