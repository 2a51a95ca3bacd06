// parts.h: a list of memory parts, handed to the kernel in batches that it takes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include <sys/uio.h>

#include <sluice/bytes.h>

#include "sys/io.h"

namespace sluice::inline v0 {
namespace detail {

// Walks a list of bytes_view or writable_bytes. Borrows the list; copies no bytes.
template <typename Part>
class part_walk {
  public:
    explicit part_walk(std::span<const Part> parts) noexcept : parts_(parts) { advance(0); }

    [[nodiscard]] bool at_end() const noexcept { return parts_.empty(); }

    // What comes next: at most parts_max parts, and no more bytes than one call moves. Valid until
    // the next call.
    [[nodiscard]] std::span<const iovec> batch() noexcept {
        std::size_t count = 0;
        std::size_t room = sys::transfer_size_max;
        auto from = taken_;
        for (auto part : parts_.first(std::min(parts_.size(), list_.size()))) {
            if (room == 0) break;
            auto size = std::min(part.size() - from, room);
            // preadv(2) writes there and pwritev(2) only reads; the structure does not tell.
            list_[count++] = {const_cast<std::byte*>(part.data()) + from, size};
            room -= size;
            from = 0;
        }
        return {list_.data(), count};
    }

    // Leaves `count` bytes behind, at most what batch() held, and the empty parts that follow.
    void advance(std::size_t count) noexcept {
        taken_ += count;
        while (!parts_.empty() && taken_ >= parts_.front().size()) {
            taken_ -= parts_.front().size();
            parts_ = parts_.subspan(1);
        }
    }

  private:
    std::span<const Part> parts_;
    std::size_t taken_ = 0;  // of the first part
    std::array<iovec, sys::parts_max> list_;
};

}  // namespace detail
}  // namespace sluice::inline v0
