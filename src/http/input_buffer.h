// input_buffer.h: what a connection has received and not yet used up.
//
// An idle connection costs its inline bytes and nothing more: most requests fit in them, and a
// longer one gets heap memory only until it has been answered.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include <sluice/bytes.h>

namespace sluice::http {

class input_buffer {
  public:
    static constexpr std::size_t inline_bytes = 1024;

    // What has been received and not consumed. Valid until room() is called.
    [[nodiscard]] bytes_view bytes() const noexcept {
        return memory().subspan(begin_, end_ - begin_);
    }
    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }

    // Where to receive to, at least one byte; grows up to `capacity_max` bytes in all. Empty when
    // even that is full.
    [[nodiscard]] writable_bytes room(std::size_t capacity_max);
    void commit(std::size_t count) noexcept { end_ += count; }
    // Takes bytes off the front. The views into the rest stay true.
    void consume(std::size_t count) noexcept;
    // Gives heap memory back when nothing is held.
    void shrink() noexcept;

  private:
    [[nodiscard]] bytes_view memory() const noexcept {
        return heap_.empty() ? bytes_view(inline_) : bytes_view(heap_);
    }
    [[nodiscard]] writable_bytes memory() noexcept {
        return heap_.empty() ? writable_bytes(inline_) : writable_bytes(heap_);
    }

    std::array<std::byte, inline_bytes> inline_;
    std::vector<std::byte> heap_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace sluice::http
