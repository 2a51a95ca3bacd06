// piece.h: what a chain is made of.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <sluice/buffer_slice.h>
#include <sluice/file_region.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// One element of a chain: a slice of memory or a region of a file, and made from either. Copying
// one copies no bytes; moving one is a few loads and stores and leaves an empty piece of memory.
class piece {
  public:
    // Memory of no bytes.
    piece() noexcept : memory_() {}
    // Either kind is a piece without being asked, so that a chain takes both.
    piece(buffer_slice memory) noexcept : memory_(std::move(memory)) {}
    piece(file_region region) noexcept : region_(std::move(region)), kind_(kind::file) {}
    piece(const piece& other) noexcept { take(other); }
    piece(piece&& other) noexcept { take(std::move(other)); }
    piece& operator=(const piece& other) noexcept { return *this = piece(other); }
    piece& operator=(piece&& other) noexcept {
        if (this == &other) return *this;
        destroy();
        take(std::move(other));
        return *this;
    }
    ~piece() { destroy(); }

    // The slice or the region, or null when it is the other one. Valid as long as the piece.
    [[nodiscard]] const buffer_slice* memory() const noexcept {
        return kind_ == kind::memory ? &memory_ : nullptr;
    }
    [[nodiscard]] const file_region* region() const noexcept {
        return kind_ == kind::file ? &region_ : nullptr;
    }
    // Bytes in it.
    [[nodiscard]] std::uint64_t size() const noexcept {
        return kind_ == kind::memory ? memory_.size() : region_.size();
    }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

    // The `count` bytes from `from` on, sharing the storage or the file. O(1), no copy. The range
    // must lie within the piece.
    [[nodiscard]] piece slice(std::uint64_t from, std::uint64_t count) const noexcept {
        if (kind_ == kind::memory) return memory_.slice(from, count);
        return region_.slice(from, count);
    }
    // Drops `count` bytes at the front or at the back; at most size().
    void trim_front(std::uint64_t count) noexcept {
        kind_ == kind::memory ? memory_.trim_front(count) : region_.trim_front(count);
    }
    void trim_back(std::uint64_t count) noexcept {
        kind_ == kind::memory ? memory_.trim_back(count) : region_.trim_back(count);
    }

  private:
    enum class kind : std::uint8_t { memory, file };

    void take(const piece& other) noexcept {
        kind_ = other.kind_;
        if (kind_ == kind::memory) {
            std::construct_at(&memory_, other.memory_);
        } else {
            std::construct_at(&region_, other.region_);
        }
    }
    void take(piece&& other) noexcept {
        kind_ = other.kind_;
        if (kind_ == kind::memory) {
            std::construct_at(&memory_, std::move(other.memory_));
        } else {
            std::construct_at(&region_, std::move(other.region_));
            other.destroy();
            std::construct_at(&other.memory_);
            other.kind_ = kind::memory;
        }
    }
    void destroy() noexcept {
        kind_ == kind::memory ? std::destroy_at(&memory_) : std::destroy_at(&region_);
    }

    union {
        buffer_slice memory_;
        file_region region_;
    };
    kind kind_ = kind::memory;
};

// Bytes in a piece; the same as part.size().
[[nodiscard]] inline std::uint64_t size_of(const piece& part) noexcept {
    return part.size();
}

}  // namespace sluice::inline v0

#pragma GCC visibility pop
