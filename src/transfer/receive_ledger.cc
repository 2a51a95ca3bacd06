#include <algorithm>

#include <sluice/receive_way.h>

namespace sluice::inline v0 {

mechanism_cost receive_ledger::total() const noexcept {
    mechanism_cost sum;
    for (const auto& each : by_way)
        sum += each;
    return sum;
}

receive_way receive_ledger::foremost() const noexcept {
    auto most = std::ranges::max_element(by_way, {}, &mechanism_cost::bytes);
    return static_cast<receive_way>(most - by_way.begin());
}

void receive_ledger::record(const receive_fallback& taken) noexcept {
    if (fallback_count < fallback_list_.size()) fallback_list_[fallback_count++] = taken;
}

}  // namespace sluice::inline v0
