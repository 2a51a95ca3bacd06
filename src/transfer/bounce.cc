#include "transfer/bounce.h"

#include <utility>

namespace sluice::inline v0 {

std::unique_ptr<bounce_block::memory>& bounce_block::idle() noexcept {
    thread_local std::unique_ptr<memory> kept;
    return kept;
}

bounce_block bounce_block::take() {
    if (auto kept = std::exchange(idle(), nullptr)) return bounce_block(std::move(kept));
    return bounce_block(std::make_unique_for_overwrite<memory>());
}

bounce_block::~bounce_block() {
    if (memory_ && !idle()) idle() = std::move(memory_);
}

}  // namespace sluice::inline v0
