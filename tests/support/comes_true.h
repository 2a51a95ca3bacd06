// comes_true.h: waiting for a condition instead of for a time.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace sluice::support {

// Asks until it holds; false when it does not within ten seconds.
inline bool comes_true(const std::function<bool()>& holds) {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

}  // namespace sluice::support
