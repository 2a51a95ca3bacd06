#include <cassert>
#include <utility>

#include <sluice/buffer.h>
#include <sluice/chain.h>

namespace sluice::inline v0 {

std::uint64_t size_of(const piece& part) noexcept {
    return std::visit([](const auto& each) { return std::uint64_t{each.size()}; }, part);
}

namespace {

constexpr std::size_t used_up_max = 64;

void trim_front(piece& part, std::uint64_t count) noexcept {
    std::visit([count](auto& each) { each.trim_front(count); }, part);
}

piece front_of(const piece& part, std::uint64_t count) {
    return std::visit([count](const auto& each) -> piece { return each.slice(0, count); }, part);
}

result<void> append_copy(buffer& whole, const buffer_slice& memory) {
    whole.append(memory.bytes());
    return {};
}

result<void> append_copy(buffer& whole, const file_region& region) {
    auto target = whole.tailroom().first(static_cast<std::size_t>(region.size()));
    auto got = region.source().read_at(region.position(), target);
    if (!got) return failure(std::move(got));
    if (*got < region.size()) return failure(ENODATA, "flatten", region.source().name());
    whole.commit(*got);
    return {};
}

}  // namespace

chain::chain(chain&& other) noexcept
    : pieces_(std::move(other.pieces_)),
      front_(std::exchange(other.front_, 0)),
      size_(std::exchange(other.size_, 0)) {
    other.pieces_.clear();
}

chain& chain::operator=(chain&& other) noexcept {
    std::swap(pieces_, other.pieces_);
    std::swap(front_, other.front_);
    std::swap(size_, other.size_);
    return *this;
}

void chain::append_piece(piece part) {
    auto added = size_of(part);
    if (added == 0) return;
    if (empty()) clear();
    // A chain that is never quite empty must not grow for ever.
    if (front_ > used_up_max) drop_used_up();
    pieces_.push_back(std::move(part));
    size_ += added;
}

void chain::drop_used_up() {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(front_));
    front_ = 0;
}

void chain::append(chain&& other) {
    for (auto& part : std::span(other.pieces_).subspan(other.front_))
        append_piece(std::move(part));
    other.clear();
}

void chain::prepend(buffer_slice memory) {
    if (memory.empty()) return;
    size_ += memory.size();
    if (front_ > 0) {
        pieces_[--front_] = std::move(memory);
    } else {
        pieces_.insert(pieces_.begin(), std::move(memory));
    }
}

void chain::advance(std::uint64_t count) noexcept {
    assert(count <= size_);
    size_ -= count;
    while (count > 0) {
        auto& part = pieces_[front_];
        auto left = size_of(part);
        if (count < left) {
            trim_front(part, count);
            return;
        }
        count -= left;
        part = buffer_slice();  // lets go of its memory or file now
        ++front_;
    }
}

chain chain::split_at(std::uint64_t count) {
    assert(count <= size_);
    chain head;
    auto wanted = count;
    for (const auto& part : pieces()) {
        if (wanted == 0) break;
        auto taken = std::min(wanted, size_of(part));
        head.append_piece(front_of(part, taken));
        wanted -= taken;
    }
    advance(count);
    return head;
}

void chain::clear() noexcept {
    pieces_.clear();
    front_ = 0;
    size_ = 0;
}

chain::exported chain::export_memory(std::span<iovec> parts) const noexcept {
    exported made;
    for (const auto& part : pieces()) {
        const auto* memory = std::get_if<buffer_slice>(&part);
        if (memory == nullptr || made.parts == parts.size()) break;
        parts[made.parts++] = {const_cast<std::byte*>(memory->data()), memory->size()};
        made.bytes += memory->size();
    }
    return made;
}

result<buffer_slice> chain::flatten() const {
    buffer whole(static_cast<std::size_t>(size_));
    for (const auto& part : pieces()) {
        auto added = std::visit([&](const auto& each) { return append_copy(whole, each); }, part);
        if (!added) return failure(std::move(added));
    }
    return std::move(whole).freeze();
}

}  // namespace sluice::inline v0
