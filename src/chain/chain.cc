#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include <sluice/chain.h>

namespace sluice::inline v0 {

namespace {

constexpr std::size_t capacity_min = 8;

// The lists of a long chain that is gone, for the next long one of the same thread. Pages that are
// fresh from the kernel cost several times what it takes to append the pieces that fit on them, and
// what malloc(3) keeps of such sizes is luck.
struct spare_lists {
    // Shorter chains do without: they would keep large lists that they do not need.
    static constexpr std::size_t pieces_min = 1024;
    static constexpr std::size_t pieces_max = 128 * 1024;

    std::vector<piece> pieces;
    std::vector<std::uint64_t> ends;
    ~spare_lists();
};

constinit thread_local bool spare_is_gone = false;
thread_local spare_lists spare;

// A chain with static storage may end after this.
spare_lists::~spare_lists() {
    spare_is_gone = true;
}

}  // namespace

chain::~chain() {
    auto capacity = pieces_.capacity();
    if (capacity <= spare_lists::pieces_min) [[likely]]
        return;
    if (capacity > spare_lists::pieces_max || spare_is_gone) return;
    if (capacity <= spare.pieces.capacity()) return;
    clear();
    spare.pieces.swap(pieces_);
    spare.ends.swap(ends_);
}

// Moves to the spare lists when they are large enough.
bool chain::take_spare(std::size_t capacity) noexcept {
    if (capacity <= spare_lists::pieces_min || spare_is_gone) return false;
    if (std::min(spare.pieces.capacity(), spare.ends.capacity()) < capacity) return false;
    spare.pieces.assign(std::move_iterator(pieces_.begin()), std::move_iterator(pieces_.end()));
    spare.ends.assign(ends_.begin(), ends_.end());
    spare.pieces.swap(pieces_);
    spare.ends.swap(ends_);
    spare.pieces.clear();
    spare.ends.clear();
    return true;
}

chain::chain(chain&& other) noexcept {
    swap(other);
}

chain& chain::operator=(chain&& other) noexcept {
    if (this == &other) return *this;
    clear();
    swap(other);
    return *this;
}

void chain::swap(chain& other) noexcept {
    std::swap(pieces_, other.pieces_);
    std::swap(ends_, other.ends_);
    std::swap(front_, other.front_);
    std::swap(base_, other.base_);
    std::swap(size_, other.size_);
    ++changes_;
    ++other.changes_;
}

// After this, `count` pieces can be added behind without an allocation.
void chain::make_room_behind(std::size_t count) {
    auto needed = pieces_.size() + count;
    if (needed <= pieces_.capacity() && needed <= ends_.capacity()) [[likely]]
        return;
    // A chain that is never quite empty must not grow for ever. Moving at most as many pieces as
    // are used up keeps that amortised O(1).
    if (front_ > pieces_.size() / 2) {
        drop_used_up();
        needed = pieces_.size() + count;
        if (needed <= pieces_.capacity() && needed <= ends_.capacity()) return;
    }
    auto capacity = std::max({needed, 2 * pieces_.capacity(), capacity_min});
    if (take_spare(capacity)) return;
    pieces_.reserve(capacity);
    ends_.reserve(capacity);
}

// After this, `count` pieces can be added in front without an allocation. The gap is at least as
// large as what is there, and half as much is free behind: additions at either end that come in
// turn have to use one of them up before the pieces are moved again, so that is amortised O(1).
void chain::make_room_in_front(std::size_t count) {
    if (front_ >= count) return;
    auto live = pieces_.size() - front_;
    auto gap = std::max({count, live, capacity_min});
    auto capacity = std::min(pieces_.capacity(), ends_.capacity());
    if (capacity < gap + live + live / 2) {
        pieces_.reserve(gap + 2 * live);
        ends_.reserve(gap + 2 * live);
    }
    drop_used_up();
    pieces_.resize(gap + live);
    ends_.resize(gap + live);
    std::move_backward(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(live),
                       pieces_.end());
    std::move_backward(ends_.begin(), ends_.begin() + static_cast<std::ptrdiff_t>(live),
                       ends_.end());
    front_ = gap;
}

void chain::drop_used_up() noexcept {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(front_));
    ends_.erase(ends_.begin(), ends_.begin() + static_cast<std::ptrdiff_t>(front_));
    front_ = 0;
}

// The room must have been made.
void chain::push_back(piece&& part) noexcept {
    size_ += part.size();
    ends_.push_back(base_ + size_);
    pieces_.push_back(std::move(part));
    ++changes_;
}

void chain::push_front(piece&& part) noexcept {
    auto added = part.size();
    --front_;
    ends_[front_] = base_;
    base_ -= added;
    size_ += added;
    pieces_[front_] = std::move(part);
    ++changes_;
}

void chain::append(piece part) {
    if (part.empty()) return;
    if (empty()) clear();
    make_room_behind(1);
    push_back(std::move(part));
}

void chain::append(chain&& other) {
    assert(this != &other);
    if (empty()) return swap(other);
    make_room_behind(other.pieces().size());
    for (auto& part : std::span(other.pieces_).subspan(other.front_))
        push_back(std::move(part));
    other.clear();
}

void chain::prepend(piece part) {
    if (part.empty()) return;
    if (empty()) return append(std::move(part));
    make_room_in_front(1);
    push_front(std::move(part));
}

void chain::prepend(chain&& other) {
    assert(this != &other);
    if (empty()) return swap(other);
    make_room_in_front(other.pieces().size());
    for (auto i = other.pieces_.size(); i > other.front_; --i)
        push_front(std::move(other.pieces_[i - 1]));
    other.clear();
}

void chain::insert(std::uint64_t position, piece part) {
    if (position == 0) return prepend(std::move(part));
    if (position == size_) return append(std::move(part));
    if (!part.empty()) insert_pieces(position, {&part, 1});
}

void chain::insert(std::uint64_t position, chain&& other) {
    assert(this != &other);
    if (other.empty()) return;
    if (position == 0) return prepend(std::move(other));
    if (position == size_) return append(std::move(other));
    insert_pieces(position, std::span(other.pieces_).subspan(other.front_));
    other.clear();
}

void chain::insert_pieces(std::uint64_t position, std::span<piece> parts) {
    assert(position < size_);
    make_room_behind(parts.size() + 1);
    auto at = locate(position);
    auto into = pieces_.begin() + static_cast<std::ptrdiff_t>(front_ + at.index);
    if (at.offset > 0) {
        auto behind = into->slice(at.offset, into->size() - at.offset);
        into->trim_back(into->size() - at.offset);
        into = pieces_.insert(std::next(into), std::move(behind));
    }
    pieces_.insert(into, std::move_iterator(parts.begin()), std::move_iterator(parts.end()));
    reckon_ends(at.index);
}

void chain::erase(std::uint64_t position, std::uint64_t count) {
    assert(position <= size_ && count <= size_ - position);
    if (count == 0) return;
    if (position == 0) return advance(count);
    if (position + count == size_) return trim_back(count);
    make_room_behind(1);
    auto first = locate(position);
    auto last = locate(position + count);
    auto from = pieces_.begin() + static_cast<std::ptrdiff_t>(front_ + first.index);
    auto to = pieces_.begin() + static_cast<std::ptrdiff_t>(front_ + last.index);
    if (first.index == last.index && first.offset > 0) {
        auto behind = from->slice(last.offset, from->size() - last.offset);
        from->trim_back(from->size() - first.offset);
        pieces_.insert(std::next(from), std::move(behind));
    } else {
        to->trim_front(last.offset);
        if (first.offset > 0) {
            from->trim_back(from->size() - first.offset);
            ++from;
        }
        pieces_.erase(from, to);
    }
    reckon_ends(first.index);
}

// Fits the list of ends to the pieces from `index` on. Their room must have been made.
void chain::reckon_ends(std::size_t index) noexcept {
    auto end = base_ + start_of(index);
    ends_.resize(pieces_.size());
    for (auto i = front_ + index; i < pieces_.size(); ++i)
        ends_[i] = end += pieces_[i].size();
    size_ = end - base_;
    ++changes_;
}

void chain::advance(std::uint64_t count) noexcept {
    assert(count <= size_);
    size_ -= count;
    base_ += count;
    ++changes_;
    while (count > 0) {
        auto& part = pieces_[front_];
        auto left = part.size();
        if (count < left) return part.trim_front(count);
        count -= left;
        part = piece();  // lets go of its memory or file now
        ++front_;
    }
}

void chain::trim_back(std::uint64_t count) noexcept {
    assert(count <= size_);
    size_ -= count;
    ++changes_;
    while (count > 0) {
        auto left = pieces_.back().size();
        if (count < left) {
            pieces_.back().trim_back(count);
            ends_.back() -= count;
            return;
        }
        count -= left;
        pieces_.pop_back();
        ends_.pop_back();
    }
}

chain chain::split_at(std::uint64_t count) {
    assert(count <= size_);
    chain head;
    if (count == 0) return head;
    if (count == size_) {
        swap(head);
        return head;
    }
    auto border = locate(count);
    head.make_room_behind(border.index + 1);
    for (auto& part : std::span(pieces_).subspan(front_, border.index))
        head.push_back(std::move(part));
    front_ += border.index;
    if (border.offset > 0) {
        head.push_back(pieces_[front_].slice(0, border.offset));
        pieces_[front_].trim_front(border.offset);
    }
    base_ += count;
    size_ -= count;
    ++changes_;
    return head;
}

chain chain::slice(std::uint64_t position, std::uint64_t count) const {
    assert(position <= size_ && count <= size_ - position);
    chain part;
    if (count == 0) return part;
    auto first = locate(position);
    auto last = locate(position + count - 1);
    part.make_room_behind(last.index - first.index + 1);
    for (auto i = first.index; i <= last.index; ++i) {
        auto from = i == first.index ? first.offset : 0;
        const auto& whole = pieces_[front_ + i];
        part.push_back(whole.slice(from, std::min(whole.size() - from, count - part.size_)));
    }
    return part;
}

void chain::clear() noexcept {
    pieces_.clear();
    ends_.clear();
    front_ = 0;
    base_ = 0;
    size_ = 0;
    ++changes_;
}

// The guess was wrong: a range around it is tried before all are. Its steps are data dependencies
// and no branches, which at random positions would be mispredicted half of the time.
chain::spot chain::search(std::uint64_t position, std::size_t guess) const noexcept {
    constexpr std::size_t around = 32;
    const auto* ends = ends_.data() + front_;
    std::size_t low = 0;
    auto count = ends_.size() - front_;
    if (guess > around && ends[guess - around - 1] - base_ <= position) low = guess - around;
    if (guess + around < count && ends[guess + around] - base_ > position)
        count = guess + around + 1;
    const auto* first = ends + low;
    for (count -= low; count > 1;) {
        auto half = count / 2;
        first += first[half - 1] - base_ <= position ? half : 0;
        count -= half;
    }
    auto index = static_cast<std::size_t>(first - ends);
    return {index, position - start_of(index)};
}

chain::exported chain::export_memory(std::uint64_t position, std::uint64_t count,
                                     std::span<iovec> parts) const noexcept {
    assert(position <= size_ && count <= size_ - position);
    exported made;
    if (count == 0) return made;
    auto at = locate(position);
    const auto* from = pieces_.data() + front_ + at.index;
    auto pieces_max = std::min(parts.size(), pieces_.size() - front_ - at.index);
    for (auto& part : parts.first(pieces_max)) {
        const auto* memory = (from++)->memory();
        if (memory == nullptr || made.bytes >= at.offset + count) break;
        part = {const_cast<std::byte*>(memory->data()), memory->size()};
        made.bytes += memory->size();
        ++made.parts;
    }
    if (made.parts == 0) return made;
    // The first and the last may lie in the range in part only.
    auto& first = parts.front();
    first.iov_base = static_cast<std::byte*>(first.iov_base) + at.offset;
    first.iov_len -= static_cast<std::size_t>(at.offset);
    made.bytes -= static_cast<std::size_t>(at.offset);
    auto beyond = made.bytes - static_cast<std::size_t>(std::min<std::uint64_t>(made.bytes, count));
    parts[made.parts - 1].iov_len -= beyond;
    made.bytes -= beyond;
    return made;
}

}  // namespace sluice::inline v0
