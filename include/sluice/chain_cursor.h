// chain_cursor.h: reading and searching a chain from a position on.
//
//     [ memory ][ memory ][ file ][ memory ]
//            at ▲───▶ end            position() = where `end` lies in the chain - (end - at)
//
// A cursor keeps a pair of pointers into the piece at hand, so that what lies within a piece costs
// no more than in one flat buffer; only at a border does it look for the next piece. It changes
// nothing in the chain, and the chain must not be changed while a cursor is over it.
//
// Memory pieces are read in place. File pieces are read by pread(2) in blocks of 16 KiB into a
// buffer of the cursor's own, made when the first one is met: that copies, and may wait for the
// disk. When a file cannot be read, or is shorter than its piece, a read returns nothing, as at the
// end of the chain; trouble() tells the one from the other.
//
// A read that returns nothing leaves the position as it was. Threads: a cursor is for one thread;
// several threads may have cursors over one chain. std::bad_alloc may be thrown by whatever reads
// when it meets the first file piece (by calls that return a result, too), as the buffer for files
// is made there, and by find(), which keeps a table as long as the needle. The cursor stands where
// it stood then.
//
// Bytes of a mapped file that have been lost read as zeros: ask mapping_fault_of()
// (mapped_region.h) of what contiguous() gave, when it has been used.
#pragma once

#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include <sluice/byte_order.h>
#include <sluice/bytes.h>
#include <sluice/chain.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

class chain_cursor {
  public:
    // At `position` of `over`, at most over.size(). Borrows the chain.
    explicit chain_cursor(const chain& over, std::uint64_t position = 0) noexcept
        : here_{nullptr, nullptr, 0, 0, &over, nullptr, over.changes_} {
        here_.seek(position);
    }
    chain_cursor(const chain_cursor&) = delete;
    chain_cursor& operator=(const chain_cursor&) = delete;
    ~chain_cursor() {
        if (here_.files != nullptr) drop(here_.files);
    }

    // Where the next byte lies in the chain, and how many are left.
    [[nodiscard]] std::uint64_t position() const noexcept { return here_.position(); }
    [[nodiscard]] std::uint64_t remaining() const noexcept {
        return here_.over->size() - position();
    }
    [[nodiscard]] bool at_end() const noexcept { return remaining() == 0; }

    // Goes to `position`, at most the chain's size. Within the piece at hand that is an addition;
    // else the piece is looked up: O(1) when the pieces are equally large, O(log n) at worst.
    void seek(std::uint64_t position) noexcept { here_.seek(position); }
    // Goes on by `count` bytes, at most remaining().
    void skip(std::uint64_t count) noexcept {
        assert(count <= remaining());
        here_.seek(position() + count);
    }

    // The bytes from here on that lie together: the rest of the piece, or of the block of a file.
    // No copy for memory; valid as long as the piece, or for a file until the next call. Empty at
    // the end or when a file is in trouble. Does not move: skip() does.
    [[nodiscard]] bytes_view contiguous() {
        if (here_.at == here_.end) [[unlikely]]
            refill();
        return {here_.at, here_.end};
    }

    // The next byte. In a loop, as fast as over one buffer.
    [[nodiscard]] std::optional<std::byte> next() {
        if (here_.at == here_.end) [[unlikely]] {
            refill();
            if (here_.at == here_.end) return std::nullopt;
        }
        return *here_.at++;
    }

    // The number here, most or least significant byte first, and goes behind it; peek stays. Where
    // the bytes lie in several pieces they are gathered one by one.
    template <scalar T>
    [[nodiscard]] std::optional<T> read_be() {
        return read_number<T, std::endian::big>();
    }
    template <scalar T>
    [[nodiscard]] std::optional<T> read_le() {
        return read_number<T, std::endian::little>();
    }
    template <scalar T>
    [[nodiscard]] std::optional<T> peek_be() {
        return peek_number<T, std::endian::big>();
    }
    template <scalar T>
    [[nodiscard]] std::optional<T> peek_le() {
        return peek_number<T, std::endian::little>();
    }
    // A number in groups of seven bits, least significant first (the varint of Protocol Buffers and
    // Kafka); nothing when it has more than 64 bits or the chain ends within it. Zigzag is the same
    // for signed numbers: 0, -1, 1, -2 are 0, 1, 2, 3.
    [[nodiscard]] std::optional<std::uint64_t> read_varint() {
        if (here_.at != here_.end && (*here_.at & std::byte{0x80}) == std::byte{0}) [[likely]]
            return std::to_integer<std::uint64_t>(*here_.at++);
        return apart(&state::varint);
    }
    [[nodiscard]] std::optional<std::int64_t> read_zigzag() {
        auto number = read_varint();
        if (!number) return std::nullopt;
        return unzigzag(*number);
    }

    // Copies bytes until `to` is full or there are no more, and goes behind them; peek stays.
    // Returns how many. A large read of a file goes straight to `to`.
    std::size_t read(writable_bytes to) { return apart(&state::copy_to, to); }
    [[nodiscard]] std::size_t peek(writable_bytes to) {
        auto from = position();
        auto copied = read(to);
        here_.seek(from);
        return copied;
    }

    // The position of the first `wanted` from here on; nothing when there is none, or when a file
    // is in trouble. Does not move. Finds bytes wherever the borders of pieces lie, in time linear
    // in what is searched, whatever the bytes are; an empty needle is found here.
    [[nodiscard]] std::optional<std::uint64_t> find(std::byte wanted) {
        return find(bytes_view(&wanted, 1));
    }
    [[nodiscard]] std::optional<std::uint64_t> find(bytes_view wanted) {
        return apart(&state::find, wanted);
    }
    [[nodiscard]] std::optional<std::uint64_t> find(std::string_view wanted) {
        return find(as_bytes(wanted));
    }

    // After a call that returned nothing, or less than asked for: why a file could not be read, or
    // null when the chain has no more.
    [[nodiscard]] const error* trouble() const noexcept;

  private:
    struct file_block;

    struct state {
        const std::byte* at;  // the bytes at hand
        const std::byte* end;
        std::uint64_t behind;  // where `end` lies in the chain
        std::size_t index;     // the piece that was at hand last: a hint
        const chain* over;
        file_block* files;  // owned by the cursor; null until a file piece is met
        std::uint32_t changes;

        [[nodiscard]] std::uint64_t position() const noexcept {
            return behind - static_cast<std::uint64_t>(end - at);
        }
        void seek(std::uint64_t position) noexcept;
        // The piece that holds `position` becomes the one at hand when it is memory; of a file, or
        // at the end, nothing is at hand.
        void place(std::size_t piece_index, std::uint64_t position, std::uint64_t offset) noexcept;

        // The piece at the position: memory comes to hand, of a file the rest is returned.
        [[nodiscard]] std::optional<file_region> enter() noexcept;
        // Gets bytes to hand, unless there are none or a file is in trouble.
        void refill();
        [[nodiscard]] file_block& block();
        [[nodiscard]] std::size_t read_file(const file_region& region, writable_bytes to);
        [[nodiscard]] std::size_t copy_to(writable_bytes to);
        [[nodiscard]] std::size_t copy_from_file(writable_bytes to);
        [[nodiscard]] std::optional<std::uint64_t> varint();
        [[nodiscard]] std::optional<std::uint64_t> find(bytes_view wanted);
    };

    // Does what is not inline on a copy of the state. Its address then never gets out, and the
    // compiler can keep the two pointers in registers around a loop of next().
    template <typename Result, typename... Arguments>
    Result apart(Result (state::*work)(Arguments...), std::type_identity_t<Arguments>... with) {
        auto copy = here_;
        auto done = (copy.*work)(with...);
        here_ = copy;
        return done;
    }
    void refill() {
        auto copy = here_;
        copy.refill();
        here_ = copy;
    }
    static void drop(file_block* files) noexcept;

    template <typename T, std::endian Order>
    [[nodiscard]] std::optional<T> read_number() {
        if (static_cast<std::size_t>(here_.end - here_.at) >= sizeof(T)) [[likely]] {
            auto number = load<T>(here_.at, Order);
            here_.at += sizeof(T);
            return number;
        }
        return gathered_number<T, Order>();
    }
    template <typename T, std::endian Order>
    [[nodiscard]] std::optional<T> peek_number() {
        if (static_cast<std::size_t>(here_.end - here_.at) >= sizeof(T)) [[likely]]
            return load<T>(here_.at, Order);
        auto from = position();
        auto number = gathered_number<T, Order>();
        here_.seek(from);
        return number;
    }
    // The number here, whose bytes are in several pieces or in one that is not at hand.
    template <typename T, std::endian Order>
    [[nodiscard]] std::optional<T> gathered_number() {
        std::array<std::byte, sizeof(T)> bytes;
        auto from = position();
        if (read(bytes) == sizeof(T)) return load<T>(bytes.data(), Order);
        here_.seek(from);
        return std::nullopt;
    }

    state here_;
};

inline void chain_cursor::state::seek(std::uint64_t position) noexcept {
    auto from_here = position - this->position();
    if (from_here <= static_cast<std::uint64_t>(end - at)) {
        at += from_here;
        return;
    }
    assert(position <= over->size() && changes == over->changes_);
    if (position == over->size_) {
        at = end;
        behind = position;
        return;
    }
    auto found = over->locate(position);
    place(found.index, position, found.offset);
}

inline void chain_cursor::state::place(std::size_t piece_index, std::uint64_t position,
                                       std::uint64_t offset) noexcept {
    index = piece_index;
    const auto* memory = over->pieces_[over->front_ + index].memory();
    if (memory != nullptr) [[likely]] {
        end = memory->data() + memory->size();
        at = memory->data() + offset;
        behind = position + (memory->size() - offset);
    } else {
        at = end;
        behind = position;
    }
}

}  // namespace sluice::inline v0

#pragma GCC visibility pop
