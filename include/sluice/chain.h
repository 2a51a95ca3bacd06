// chain.h: a message as a sequence of pieces of memory and of files.
//
//     chain ── [ memory 220 B ][ file 4096..1052672 ][ memory 2 B ] ...
//     ends        220             1048796               1048798      ← positions are looked up
//
// Whatever produces output only builds a chain; a transfer (transfer.h) moves it. Pieces are never
// joined or copied behind your back: flatten() and compact() copy, and say so. Building, cutting
// and exporting a chain does no I/O; what has to know the bytes (flatten, compare, get_be,
// get_le) reads the file pieces, which may wait for the disk. chain_cursor.h reads and searches.
//
// Sizes and positions are 64-bit and count bytes; position 0 is the first byte that is left. A
// position is found by a guess from the mean size of a piece, which is right at once when the
// pieces are equally large, and by binary search else.
//
// Memory: the pieces keep their storage and their files. The chain owns two lists, one of pieces
// and one of where they end, and calls that lengthen them may throw std::bad_alloc; then the chain
// is as it was, and so is a chain that was to be added. A thread keeps the lists of one long chain
// (over 1024 pieces; 6 MiB at most) for the next one: docs/decisions/0014.
//
// Threads: not synchronised, one thread at a time; several may read while none changes it.
#pragma once

#include <array>
#include <bit>
#include <cassert>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <sys/uio.h>

#include <sluice/buffer_slice.h>
#include <sluice/byte_order.h>
#include <sluice/bytes.h>
#include <sluice/piece.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

class chain {
  public:
    chain() noexcept = default;
    chain(chain&& other) noexcept;
    chain& operator=(chain&& other) noexcept;
    ~chain();
    // Exchanges all; no piece is touched.
    void swap(chain& other) noexcept;

    // Bytes in all pieces. O(1).
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    // The pieces that are left, front first. No piece is empty. Valid until the chain is changed.
    [[nodiscard]] std::span<const piece> pieces() const noexcept {
        return {pieces_.data() + front_, pieces_.size() - front_};
    }

    // Adds at the end or at the front: a slice, a region or the pieces of another chain, which is
    // empty afterwards and must not be this one. Empty pieces are dropped. No copy. Amortised O(1)
    // for each piece, however many there are.
    void append(piece part);
    void append(chain&& other);
    void prepend(piece part);
    void prepend(chain&& other);
    // Puts it before the byte at `position`, at most size(), cutting the piece that is there. O(n)
    // in the number of pieces, none of whose bytes are touched.
    void insert(std::uint64_t position, piece part);
    void insert(std::uint64_t position, chain&& other);
    // Takes out `count` bytes from `position` on, which must be there. O(n) in the number of
    // pieces.
    void erase(std::uint64_t position, std::uint64_t count);

    // Takes `count` bytes off the front: the only place where a short write is reckoned. At most
    // size(). O(1) for each piece that goes.
    void advance(std::uint64_t count) noexcept;
    // Takes `count` bytes off the end. At most size(). O(1) for each piece that goes.
    void trim_back(std::uint64_t count) noexcept;
    // Takes the first `count` bytes off and returns them as a chain of their own. At most size().
    // O(n) in the pieces before the cut.
    [[nodiscard]] chain split_at(std::uint64_t count);
    // The `count` bytes from `position` on, which must be there, as a chain that shares storages
    // and files with this one. No copy. O(n) in the pieces of the range.
    [[nodiscard]] chain slice(std::uint64_t position, std::uint64_t count) const;
    // Drops all pieces and keeps the lists' memory for the next message.
    void clear() noexcept;

    // A piece, which it is in pieces(), and a position within it.
    struct place {
        const piece* part;
        std::size_t index;
        std::uint64_t offset;
    };
    // Where the byte at `position` is; it must be less than size(). O(1) when the pieces are
    // equally large, O(log n) in the worst case.
    [[nodiscard]] place piece_at(std::uint64_t position) const noexcept {
        auto found = locate(position);
        return {pieces_.data() + front_ + found.index, found.index, found.offset};
    }

    // The number at `position`, most or least significant byte first; nothing when the chain ends
    // before, or when a file piece cannot be read (a cursor says why). Costs as piece_at when the
    // bytes lie in one piece of memory, and gathers them else.
    template <scalar T>
    [[nodiscard]] std::optional<T> get_be(std::uint64_t position) const;
    template <scalar T>
    [[nodiscard]] std::optional<T> get_le(std::uint64_t position) const;

    // How many parts were filled, and how many bytes they show.
    struct exported {
        std::size_t parts = 0;
        std::size_t bytes = 0;
    };
    // Exports the memory pieces at the front, up to the first file piece or until `parts` is full.
    // Allocates nothing. The parts are valid until the chain is changed.
    [[nodiscard]] exported export_memory(std::span<iovec> parts) const noexcept {
        return export_memory(0, size_, parts);
    }
    // The same for the `count` bytes from `position` on, which must be there. When there are more
    // pieces than `parts` (or than IOV_MAX, which writev(2) takes), go on at position + bytes.
    [[nodiscard]] exported export_memory(std::uint64_t position, std::uint64_t count,
                                         std::span<iovec> parts) const noexcept;

    // How the bytes compare with another chain's or with bytes, as by memcmp(3). Memory is not
    // copied, except that of file pieces, which are read in blocks of bounded size (which may throw
    // std::bad_alloc). Fails when a file cannot be read or is shorter than its piece, and when
    // mapped memory has lost bytes, as mapping_fault_of() has it.
    [[nodiscard]] result<std::strong_ordering> compare(const chain& other) const;
    [[nodiscard]] result<std::strong_ordering> compare(bytes_view bytes) const;
    // Whether they are the same; when the sizes differ, nothing is read.
    [[nodiscard]] result<bool> equals(const chain& other) const;
    [[nodiscard]] result<bool> equals(bytes_view bytes) const;

    // The whole content, or the `count` bytes from `position` on, as one slice of memory. Copies
    // every byte; reads the file pieces. Fails if a file is shorter than its piece, if mapped
    // memory has lost bytes (as mapping_fault_of() has it), and with ENOMEM if there is no memory
    // for all.
    [[nodiscard]] result<buffer_slice> flatten() const { return flatten(0, size_); }
    [[nodiscard]] result<buffer_slice> flatten(std::uint64_t position, std::uint64_t count) const;

    // Bytes of memory that the pieces show, and that they keep alive. A storage is counted once,
    // however many pieces are of it; file pieces and static bytes keep none.
    struct retention {
        std::uint64_t visible = 0;
        std::uint64_t retained = 0;
    };
    // O(n log n) in the number of pieces; makes a list of them.
    [[nodiscard]] retention retained() const;
    // Copies the pieces of each storage that keeps too much for what they show together, by
    // `policy`, to the heap, one block for each. Returns the bytes copied. The old storage goes if
    // nobody else has slices of it. The pieces' borders stay. Copies of mapped memory that has lost
    // bytes hold zeros for them, and can no longer be told from others: where files may be cut, ask
    // mapping_fault_of() (mapped_region.h) of the pieces, or take flatten(), which does.
    std::uint64_t compact(retention_policy policy = {});

  private:
    friend class chain_cursor;

    struct spot {
        std::size_t index;  // in pieces()
        std::uint64_t offset;
    };
    [[nodiscard]] spot locate(std::uint64_t position) const noexcept;
    [[nodiscard]] spot search(std::uint64_t position, std::size_t guess) const noexcept;
    [[nodiscard]] std::uint64_t start_of(std::size_t index) const noexcept {
        return index == 0 ? 0 : ends_[front_ + index - 1] - base_;
    }
    template <typename T, std::endian Order>
    [[nodiscard]] std::optional<T> get(std::uint64_t position) const;
    // Copies the bytes at `position` to `to`; false when there are too few or a file is in trouble.
    [[nodiscard]] bool gather(std::uint64_t position, writable_bytes to) const;

    void make_room_behind(std::size_t count);
    [[nodiscard]] bool take_spare(std::size_t capacity) noexcept;
    void make_room_in_front(std::size_t count);
    void drop_used_up() noexcept;
    void push_back(piece&& part) noexcept;
    void push_front(piece&& part) noexcept;
    void insert_pieces(std::uint64_t position, std::span<piece> parts);
    void reckon_ends(std::size_t index) noexcept;

    std::vector<piece> pieces_;
    // Where each piece ends, counted from a point that stays while the chain is advanced; modulo
    // 2^64, since prepending goes below zero.
    std::vector<std::uint64_t> ends_;
    std::size_t front_ = 0;   // entries before it are used up, or room for prepending
    std::uint64_t base_ = 0;  // where the first byte that is left starts, counted as ends_ are
    std::uint64_t size_ = 0;
    std::uint32_t changes_ = 0;  // lets a cursor notice a chain that is changed under it
};

inline chain::spot chain::locate(std::uint64_t position) const noexcept {
    assert(position < size_);
    const auto* ends = ends_.data() + front_;
    auto count = ends_.size() - front_;
    // Signed, since only that converts in one instruction. Of regions that are declared larger than
    // 2^63 bytes it makes nonsense; then the guess is bad, and the search finds the piece.
    auto guessed = static_cast<double>(static_cast<std::int64_t>(position)) /
                   static_cast<double>(static_cast<std::int64_t>(size_)) *
                   static_cast<double>(static_cast<std::int64_t>(count));
    auto guess = count - 1;
    if (guessed >= 0 && guessed < static_cast<double>(static_cast<std::int64_t>(count))) [[likely]]
        guess = static_cast<std::size_t>(static_cast<std::int64_t>(guessed));
    auto start = guess == 0 ? base_ : ends[guess - 1];
    auto offset = position + base_ - start;
    if (offset < ends[guess] - start) [[likely]]
        return {guess, offset};
    return search(position, guess);
}

template <typename T, std::endian Order>
std::optional<T> chain::get(std::uint64_t position) const {
    if (position < size_) [[likely]] {
        auto found = locate(position);
        const auto* memory = pieces_[front_ + found.index].memory();
        if (memory != nullptr && memory->size() - found.offset >= sizeof(T)) [[likely]]
            return load<T>(memory->data() + found.offset, Order);
    }
    std::array<std::byte, sizeof(T)> gathered;
    if (!gather(position, gathered)) return std::nullopt;
    return load<T>(gathered.data(), Order);
}

template <scalar T>
std::optional<T> chain::get_be(std::uint64_t position) const {
    return get<T, std::endian::big>(position);
}

template <scalar T>
std::optional<T> chain::get_le(std::uint64_t position) const {
    return get<T, std::endian::little>(position);
}

}  // namespace sluice::inline v0

#pragma GCC visibility pop
