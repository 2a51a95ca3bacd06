#include "filter/output_blocks.h"

#include <algorithm>
#include <new>
#include <utility>

namespace sluice::inline v0 {

result<writable_bytes> output_blocks::room(std::size_t bytes_min) {
    if (open_.tailroom().size() >= bytes_min) return open_.tailroom();
    close();
    auto bytes = std::max(bytes_min, block_bytes_);
    try {
        open_ = buffer(bytes);
    } catch (const std::bad_alloc&) {
        return failure(ENOMEM, "allocate", "output block");
    }
    capacity_ += bytes;
    return open_.tailroom();
}

chain output_blocks::take() {
    close();
    capacity_ = 0;
    return std::exchange(closed_, {});
}

void output_blocks::close() {
    closed_.append(std::move(open_).freeze());
}

}  // namespace sluice::inline v0
