// bounce.h: blocks of memory that bytes pass through on their way between two descriptors.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include <sluice/bytes.h>

namespace sluice::inline v0 {

// A block on loan; goes back to the thread that drops it, which keeps one for the next. On loan and
// not the thread's own, because a callback that gets the block may start a transfer itself.
class bounce_block {
  public:
    static constexpr std::size_t size = 256 * 1024;

    // The calling thread's idle block, else a new one (std::bad_alloc).
    [[nodiscard]] static bounce_block take();
    bounce_block(bounce_block&&) noexcept = default;
    bounce_block& operator=(bounce_block&&) noexcept = default;
    ~bounce_block();

    [[nodiscard]] writable_bytes bytes() const noexcept { return *memory_; }

  private:
    using memory = std::array<std::byte, size>;
    explicit bounce_block(std::unique_ptr<memory> owned) noexcept : memory_(std::move(owned)) {}
    [[nodiscard]] static std::unique_ptr<memory>& idle() noexcept;

    std::unique_ptr<memory> memory_;
};

}  // namespace sluice::inline v0
