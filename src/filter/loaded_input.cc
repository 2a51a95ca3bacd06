#include "filter/loaded_input.h"

#include <utility>

#include <sluice/buffer.h>
#include <sluice/file_region.h>

#include "chain/mapped_memory.h"

namespace sluice::inline v0 {

namespace {
// Below this a mapping costs more than the copy.
constexpr std::uint64_t mapped_bytes_min = 16 << 10;
}  // namespace

result<loaded_input> loaded_input::of(const chain& pieces) {
    loaded_input loaded;
    for (const piece& part : pieces.pieces()) {
        if (const auto* memory = part.memory()) {
            loaded.held_.push_back(*memory);
            loaded.parts_.push_back(memory->bytes());
        } else if (auto added = loaded.add(*part.region()); !added) {
            return failure(std::move(added));
        }
    }
    return loaded;
}

result<void> loaded_input::add(const file_region& region) {
    if (region.size() >= mapped_bytes_min) return add_mapped(region);
    buffer read;
    auto size = static_cast<std::size_t>(region.size());
    if (auto room = read.try_reserve(size); !room) return room;
    auto count = region.source().read_at(region.position(), read.tailroom().first(size));
    if (!count) return failure(std::move(count));
    if (*count < size) return failure(ENODATA, "read", region.source().name() + " (it has shrunk)");
    read.commit(size);
    held_.push_back(std::move(read).freeze());
    parts_.push_back(held_.back().bytes());
    bytes_read_ += size;
    return {};
}

result<void> loaded_input::add_mapped(const file_region& region) {
    auto mapped = mapped_region::map(region, {.advice = mapping_advice::sequential});
    if (!mapped) return failure(std::move(mapped));
    parts_.push_back(mapped->bytes());
    mapped_.push_back(std::move(*mapped));
    return {};
}

result<void> loaded_input::check() const {
    for (const auto& each : mapped_) {
        if (auto whole = each.check(0, each.size()); !whole) return whole;
    }
    for (const auto& each : held_) {
        if (auto whole = check_mapped(each.owner(), each.bytes()); !whole) return whole;
    }
    return {};
}

}  // namespace sluice::inline v0
