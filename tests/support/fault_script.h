// fault_script.h: makes system calls of the library fail as a test says, and counts them.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <limits>
#include <mutex>

#include "sys/fault.h"

namespace sluice::support {

// Installed from construction to destruction; one at a time. Any thread may make calls meanwhile.
class fault_script final : public sys::fault_injector {
  public:
    static constexpr unsigned always = ~0U;

    fault_script() : installed_(*this) {}

    // The calls after the next `spared` fail with `error_number`, `times` of them.
    void fail(sys::call made, int error_number, unsigned times = always, unsigned spared = 0);
    // Every call moves at most `size` bytes.
    void cut(sys::call made, std::size_t size);
    void cut_all(std::size_t size);
    // Runs in the thread that makes the call, before it.
    void before(sys::call made, std::function<void()> act);
    // Every call works again, and is counted from zero.
    void clear();
    // How often the call was asked for, whether it was made to fail or not.
    [[nodiscard]] unsigned count(sys::call made) const;

    sys::fault decide(sys::call made) override;

  private:
    struct rule {
        int error_number = 0;
        unsigned spared = 0;
        unsigned times = 0;
        std::size_t size_max = std::numeric_limits<std::size_t>::max();
        std::function<void()> before;
        unsigned count = 0;
    };
    [[nodiscard]] rule& of(sys::call made) { return rules_[static_cast<std::size_t>(made)]; }

    mutable std::mutex mutex_;
    std::array<rule, sys::call_count> rules_;
    sys::scoped_injector installed_;  // last: nothing asks before the rules are there
};

// Rules for a part of a test. Where other threads make calls for longer than that, the script
// itself has to outlive them.
class fault_rules {
  public:
    explicit fault_rules(fault_script& script) : script_(script) {}
    fault_rules(const fault_rules&) = delete;
    fault_rules& operator=(const fault_rules&) = delete;
    ~fault_rules() { script_.clear(); }
    fault_script* operator->() noexcept { return &script_; }

  private:
    fault_script& script_;
};

}  // namespace sluice::support
