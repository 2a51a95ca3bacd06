#include "http/input_buffer.h"

#include <algorithm>

namespace sluice::http {

writable_bytes input_buffer::room(std::size_t capacity_max) {
    if (end_ == memory().size() && begin_ > 0) {
        end_ = copy_bytes(memory(), bytes());
        begin_ = 0;
    }
    if (end_ == memory().size() && memory().size() < capacity_max) {
        std::vector<std::byte> grown(std::min(capacity_max, memory().size() * 4));
        end_ = copy_bytes(grown, bytes());
        begin_ = 0;
        heap_ = std::move(grown);
    }
    return memory().subspan(end_);
}

void input_buffer::consume(std::size_t count) noexcept {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
}

void input_buffer::shrink() noexcept {
    if (begin_ != end_ || heap_.empty()) return;
    heap_ = {};
}

}  // namespace sluice::http
