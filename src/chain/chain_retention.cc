// What a chain keeps alive beyond what it shows, and how to let go of that.
#include <algorithm>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <sluice/buffer.h>
#include <sluice/chain.h>

namespace sluice::inline v0 {

namespace {

struct kept_piece {
    const storage* owner;
    std::size_t index;  // in the span of pieces
};
using kept_pieces = std::span<const kept_piece>;

// The memory pieces, those of one storage next to each other.
std::vector<kept_piece> by_owner(std::span<const piece> parts) {
    std::vector<kept_piece> sorted;
    sorted.reserve(parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (parts[i].memory() != nullptr) sorted.push_back({parts[i].memory()->owner(), i});
    }
    std::sort(sorted.begin(), sorted.end(), [](const kept_piece& left, const kept_piece& right) {
        if (left.owner != right.owner) return std::less<>()(left.owner, right.owner);
        return left.index < right.index;
    });
    return sorted;
}

// Takes the pieces of the next storage off `left`.
kept_pieces take_group(kept_pieces& left) {
    std::size_t count = 0;
    while (count < left.size() && left[count].owner == left.front().owner)
        ++count;
    auto group = left.first(count);
    left = left.subspan(count);
    return group;
}

chain::retention retained_by(kept_pieces group, std::span<const piece> parts) {
    chain::retention sum;
    for (const auto& each : group)
        sum.visible += parts[each.index].size();
    if (const auto* owner = group.front().owner) {
        auto known = std::uint64_t{owner->capacity()};
        sum.retained = known == 0 ? sum.visible : known;
    }
    return sum;
}

}  // namespace

chain::retention chain::retained() const {
    retention sum;
    auto sorted = by_owner(pieces());
    for (kept_pieces left(sorted); !left.empty();) {
        auto of_one = retained_by(take_group(left), pieces());
        sum.visible += of_one.visible;
        sum.retained += of_one.retained;
    }
    return sum;
}

std::uint64_t chain::compact(retention_policy policy) {
    auto sorted = by_owner(pieces());
    std::vector<std::pair<kept_pieces, buffer_slice>> copies;
    std::uint64_t copied = 0;
    for (kept_pieces left(sorted); !left.empty();) {
        auto group = take_group(left);
        auto sum = retained_by(group, pieces());
        if (!policy.is_waste(sum.retained, sum.visible)) continue;
        buffer block(static_cast<std::size_t>(sum.visible));
        for (const auto& each : group)
            block.append(pieces()[each.index].memory()->bytes());
        copies.emplace_back(group, std::move(block).freeze());
        copied += sum.visible;
    }
    // Nothing can fail from here on, so that the chain is compacted as a whole or not at all.
    for (auto& [group, copy] : copies) {
        for (const auto& each : group) {
            auto& part = pieces_[front_ + each.index];
            part = copy.split_front(static_cast<std::size_t>(part.size()));
        }
    }
    ++changes_;
    return copied;
}

}  // namespace sluice::inline v0
