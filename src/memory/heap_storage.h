// heap_storage.h: a storage whose bytes follow it in one allocation.
#pragma once

#include <cstddef>

#include <sluice/buffer.h>

namespace sluice::inline v0 {

// Aligned so that the bytes behind it are aligned as the heap aligns.
class alignas(alignof(std::max_align_t)) heap_storage final : public detail::block {
  public:
    // One allocation for the count and `capacity` bytes, which are not initialised. One owner.
    // Throws std::bad_alloc.
    [[nodiscard]] static heap_storage* make(std::size_t capacity);
    // The same; null, or an error, when there is no memory.
    [[nodiscard]] static heap_storage* try_make(std::size_t capacity) noexcept;
    [[nodiscard]] static result<detail::block*> make_or_error(std::size_t capacity) noexcept;

    [[nodiscard]] result<detail::block*> another(std::size_t capacity) const noexcept override {
        return make_or_error(capacity);
    }

  private:
    explicit heap_storage(std::size_t capacity) noexcept;
    void release() noexcept override;
};

// ENOMEM of an allocation; `origin` names the heap or the budget. Never throws: without memory for
// a long name, the error goes without it.
[[nodiscard]] std::unexpected<error> out_of_memory(std::string_view origin) noexcept;

}  // namespace sluice::inline v0
