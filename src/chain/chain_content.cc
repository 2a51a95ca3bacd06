// What has to know a chain's bytes: copying them out and comparing them.
#include <algorithm>
#include <cstring>
#include <utility>

#include <sluice/buffer.h>
#include <sluice/chain.h>
#include <sluice/chain_cursor.h>

#include "chain/mapped_memory.h"

namespace sluice::inline v0 {

namespace {

result<void> copy_piece(const buffer_slice& memory, std::uint64_t from, writable_bytes to) {
    auto part = memory.bytes().subspan(static_cast<std::size_t>(from), to.size());
    copy_bytes(to, part);
    return check_mapped(memory.owner(), part);
}

result<void> copy_piece(const file_region& region, std::uint64_t from, writable_bytes to) {
    auto got = region.source().read_at(region.position() + from, to);
    if (!got) return failure(std::move(got));
    if (*got < to.size()) return failure(ENODATA, "read", region.source().name());
    return {};
}

// Copies the bytes from `from` on of the first piece and of those behind until `to` is full.
result<void> copy_pieces(std::span<const piece> parts, std::uint64_t from, writable_bytes to) {
    for (const auto& part : parts) {
        if (to.empty()) break;
        auto count =
            static_cast<std::size_t>(std::min<std::uint64_t>(part.size() - from, to.size()));
        auto copied = part.memory() != nullptr ? copy_piece(*part.memory(), from, to.first(count))
                                               : copy_piece(*part.region(), from, to.first(count));
        if (!copied) return copied;
        to = to.subspan(count);
        from = 0;
    }
    return {};
}

std::strong_ordering as_ordering(int compared) {
    return compared <=> 0;
}

std::strong_ordering compare_bytes(bytes_view left, bytes_view right) {
    if (left.data() == right.data()) return std::strong_ordering::equal;
    return as_ordering(std::memcmp(left.data(), right.data(), left.size()));
}

// Bytes for a comparison, which are at hand in runs; one run when they lie in memory.
class flat_run {
  public:
    explicit flat_run(bytes_view bytes) : left_(bytes) {}
    [[nodiscard]] bytes_view contiguous() const { return left_; }
    void skip(std::size_t count) { left_ = left_.subspan(count); }
    [[nodiscard]] std::uint64_t remaining() const { return left_.size(); }
    [[nodiscard]] const error* trouble() const { return nullptr; }

  private:
    bytes_view left_;
};

template <typename Other>
result<std::strong_ordering> compare_runs(chain_cursor& left, Other& right) {
    while (left.remaining() > 0 && right.remaining() > 0) {
        auto ours = left.contiguous();
        if (ours.empty()) return std::unexpected(*left.trouble());
        auto theirs = right.contiguous();
        if (theirs.empty()) return std::unexpected(*right.trouble());
        auto count = std::min(ours.size(), theirs.size());
        auto order = compare_bytes(ours.first(count), theirs.first(count));
        if (auto whole = check_mapped(ours.first(count)); !whole) return failure(std::move(whole));
        if (auto whole = check_mapped(theirs.first(count)); !whole)
            return failure(std::move(whole));
        if (order != 0) return order;
        left.skip(count);
        right.skip(count);
    }
    return left.remaining() <=> right.remaining();
}

result<bool> is_equal(result<std::strong_ordering> compared) {
    if (!compared) return failure(std::move(compared));
    return *compared == 0;
}

}  // namespace

result<buffer_slice> chain::flatten(std::uint64_t position, std::uint64_t count) const {
    assert(position <= size_ && count <= size_ - position);
    buffer whole;
    if (auto room = whole.try_reserve(static_cast<std::size_t>(count)); !room)
        return failure(std::move(room));
    if (count > 0) {
        auto at = locate(position);
        auto room = whole.tailroom().first(static_cast<std::size_t>(count));
        auto copied = copy_pieces(pieces().subspan(at.index), at.offset, room);
        if (!copied) return failure(std::move(copied));
        whole.commit(room.size());
    }
    return std::move(whole).freeze();
}

bool chain::gather(std::uint64_t position, writable_bytes to) const {
    if (position > size_ || size_ - position < to.size()) return false;
    auto at = locate(position);
    return copy_pieces(pieces().subspan(at.index), at.offset, to).has_value();
}

result<std::strong_ordering> chain::compare(const chain& other) const {
    chain_cursor ours(*this);
    chain_cursor theirs(other);
    return compare_runs(ours, theirs);
}

result<std::strong_ordering> chain::compare(bytes_view bytes) const {
    chain_cursor ours(*this);
    flat_run theirs(bytes);
    return compare_runs(ours, theirs);
}

result<bool> chain::equals(const chain& other) const {
    if (size_ != other.size_) return false;
    return is_equal(compare(other));
}

result<bool> chain::equals(bytes_view bytes) const {
    if (size_ != bytes.size()) return false;
    return is_equal(compare(bytes));
}

}  // namespace sluice::inline v0
