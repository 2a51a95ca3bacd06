#include "support/fault_script.h"

namespace sluice::support {

void fault_script::fail(sys::call made, int error_number, unsigned times, unsigned spared) {
    std::scoped_lock lock(mutex_);
    of(made).error_number = error_number;
    of(made).times = times;
    of(made).spared = spared;
}

void fault_script::cut(sys::call made, std::size_t size) {
    std::scoped_lock lock(mutex_);
    of(made).size_max = size;
}

void fault_script::cut_all(std::size_t size) {
    std::scoped_lock lock(mutex_);
    for (auto& each : rules_)
        each.size_max = size;
}

void fault_script::before(sys::call made, std::function<void()> act) {
    std::scoped_lock lock(mutex_);
    of(made).before = std::move(act);
}

void fault_script::clear() {
    std::scoped_lock lock(mutex_);
    rules_ = {};
}

unsigned fault_script::count(sys::call made) const {
    std::scoped_lock lock(mutex_);
    return rules_[static_cast<std::size_t>(made)].count;
}

sys::fault fault_script::decide(sys::call made) {
    std::unique_lock lock(mutex_);
    auto& asked = of(made);
    ++asked.count;
    sys::fault decided{.size_max = asked.size_max};
    if (asked.spared > 0) {
        --asked.spared;
    } else if (asked.times > 0) {
        if (asked.times != always) --asked.times;
        decided.error_number = asked.error_number;
    }
    auto act = asked.before;
    lock.unlock();  // what it does may make calls of its own
    if (act) act();
    return decided;
}

}  // namespace sluice::support
