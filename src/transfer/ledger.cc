#include <algorithm>

#include <sluice/ledger.h>

namespace sluice::inline v0 {

mechanism_cost& mechanism_cost::operator+=(const mechanism_cost& other) noexcept {
    bytes += other.bytes;
    copied_user_kernel += other.copied_user_kernel;
    copied_user += other.copied_user;
    calls += other.calls;
    would_blocks += other.would_blocks;
    return *this;
}

mechanism_cost ledger::total() const noexcept {
    mechanism_cost sum;
    for (const auto& each : by_mechanism)
        sum += each;
    return sum;
}

mechanism ledger::foremost() const noexcept {
    auto most = std::ranges::max_element(by_mechanism, {}, &mechanism_cost::bytes);
    return static_cast<mechanism>(most - by_mechanism.begin());
}

void ledger::record(const fallback& taken) noexcept {
    if (fallback_count < fallback_list_.size()) fallback_list_[fallback_count++] = taken;
}

}  // namespace sluice::inline v0
