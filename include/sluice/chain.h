// chain.h: a message as a sequence of pieces of memory and of files.
//
//     chain ── [ memory 220 B ][ file 4096..1052672 ][ memory 2 B ] ...
//
// Whatever produces output only builds a chain; a transfer (transfer.h) moves it. Pieces are never
// joined or copied behind your back: flatten() is the one call that copies, and says so. A chain
// does no I/O.
//
// Not synchronised: one thread at a time. The pieces keep their memory and files alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include <sys/uio.h>

#include <sluice/buffer_slice.h>
#include <sluice/file_region.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// One element of a chain.
using piece = std::variant<buffer_slice, file_region>;

[[nodiscard]] std::uint64_t size_of(const piece& part) noexcept;

class chain {
  public:
    chain() = default;
    chain(chain&& other) noexcept;
    chain& operator=(chain&& other) noexcept;
    ~chain() = default;

    // Bytes in all pieces. O(1).
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    // The pieces that are left, front first. No piece is empty.
    [[nodiscard]] std::span<const piece> pieces() const noexcept {
        return std::span(pieces_).subspan(front_);
    }

    // Adds at the end or at the front; empty pieces are dropped. Amortised O(1) at the end.
    void append(buffer_slice memory) { append_piece(std::move(memory)); }
    void append(file_region region) { append_piece(std::move(region)); }
    void append(chain&& other);
    void prepend(buffer_slice memory);

    // Takes `count` bytes off the front: the only place where a short write is reckoned. At most
    // size().
    void advance(std::uint64_t count) noexcept;
    // Takes the first `count` bytes off and returns them as a chain of their own. At most size().
    [[nodiscard]] chain split_at(std::uint64_t count);
    // Drops all pieces and keeps the list's memory for the next message.
    void clear() noexcept;

    // Exports the memory pieces at the front, up to the first file piece or until `parts` is full.
    struct exported {
        std::size_t parts = 0;
        std::size_t bytes = 0;
    };
    [[nodiscard]] exported export_memory(std::span<iovec> parts) const noexcept;

    // The whole content as one slice of memory. Copies every byte; reads the file pieces, which may
    // wait for the disk. Fails if a file is shorter than its piece.
    [[nodiscard]] result<buffer_slice> flatten() const;

  private:
    void append_piece(piece part);
    void drop_used_up();

    std::vector<piece> pieces_;
    std::size_t front_ = 0;  // pieces before it have been moved
    std::uint64_t size_ = 0;
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
