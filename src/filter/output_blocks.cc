#include "filter/output_blocks.h"

#include <algorithm>
#include <utility>

namespace sluice::inline v0 {

buffer_pool& shared_pool() {
    // Never destroyed: threads and static objects may still use it when the process exits.
    static auto& pool = *new buffer_pool;
    return pool;
}

result<writable_bytes> output_blocks::room(std::size_t bytes_min) {
    if (open_.tailroom().size() >= bytes_min) return open_.tailroom();
    close();
    auto bytes = std::max(bytes_min, block_bytes_);
    auto block = pool_.allocate(bytes);
    if (!block) return failure(std::move(block));
    open_ = std::move(*block);
    capacity_ += open_.capacity();
    return open_.tailroom();
}

chain output_blocks::take() {
    close();
    capacity_ = 0;
    return std::exchange(closed_, {});
}

void output_blocks::close() {
    auto slice = std::move(open_).freeze();
    // It may leave the thread that it was made in, whatever the pool is bound to.
    slice.share();
    closed_.append(std::move(slice));
}

}  // namespace sluice::inline v0
