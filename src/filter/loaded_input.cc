#include "filter/loaded_input.h"

#include <utility>

#include <sluice/buffer.h>
#include <sluice/file_region.h>

namespace sluice::inline v0 {

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
    buffer read(static_cast<std::size_t>(region.size()));
    auto count = region.source().read_at(region.position(), read.tailroom().first(region.size()));
    if (!count) return failure(std::move(count));
    if (*count < region.size())
        return failure(EIO, "read", region.source().name() + " (it has shrunk)");
    read.commit(*count);
    held_.push_back(std::move(read).freeze());
    parts_.push_back(held_.back().bytes());
    bytes_read_ += *count;
    return {};
}

}  // namespace sluice::inline v0
