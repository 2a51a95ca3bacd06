// file_region.h: a range of an open file.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <sluice/file.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// `size` bytes of a file from byte `position` on. Keeps the file open. Has no cursor and does not
// look at the file: what the file holds there, or whether it is that long, shows when the bytes are
// moved. Positions and sizes are 64-bit. Copying one counts one more owner of the file.
class file_region {
  public:
    file_region(file source, std::uint64_t position, std::uint64_t size) noexcept
        : file_(std::move(source)), position_(position), size_(size) {}

    [[nodiscard]] const file& source() const noexcept { return file_; }
    [[nodiscard]] int fd() const noexcept { return file_.fd(); }
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    // The position behind the last byte.
    [[nodiscard]] std::uint64_t end_position() const noexcept { return position_ + size_; }

    // The `count` bytes from `from` on. O(1). The range must lie within the region.
    [[nodiscard]] file_region slice(std::uint64_t from, std::uint64_t count) const noexcept {
        assert(from <= size_ && count <= size_ - from);
        return {file_, position_ + from, count};
    }
    // Drops `count` bytes at the front or at the back; at most size().
    void trim_front(std::uint64_t count) noexcept {
        assert(count <= size_);
        position_ += count;
        size_ -= count;
    }
    void trim_back(std::uint64_t count) noexcept {
        assert(count <= size_);
        size_ -= count;
    }
    // Takes the first `count` bytes off and returns them.
    [[nodiscard]] file_region split_front(std::uint64_t count) noexcept {
        auto front = slice(0, count);
        trim_front(count);
        return front;
    }

    // Reads from byte `from` of the region on until `to` is full, or the region or the file ends;
    // returns the bytes read. `from` must lie within the region. As file::read_at.
    [[nodiscard]] result<std::size_t> read_at(std::uint64_t from, writable_bytes to) const {
        assert(from <= size_);
        auto count = std::min<std::uint64_t>(to.size(), size_ - from);
        return file_.read_at(position_ + from, to.first(static_cast<std::size_t>(count)));
    }

  private:
    file file_;
    std::uint64_t position_;
    std::uint64_t size_;
};

// Reads a range into the page cache without a copy to user space: readahead(2), then sendfile(2) to
// /dev/null, which waits for every page and discards references to it. Blocks until it is there:
// for a thread that may wait, never for a loop. Fails with what the disk says.
[[nodiscard]] result<void> warm(const file_region& region);

}  // namespace sluice::inline v0

#pragma GCC visibility pop
