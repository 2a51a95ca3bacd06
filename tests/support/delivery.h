// delivery.h: steps a transfer to its end, as a loop would do it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include <sluice/transfer.h>

#include "support/stream_pair.h"

namespace sluice {

// What failed tests call a mechanism.
inline void PrintTo(mechanism which, std::ostream* out) {
    *out << name_of(which);
}

}  // namespace sluice

namespace sluice::support {

struct delivery {
    std::string received;                 // what came out of the other end
    std::optional<progress_state> state;  // of the last step; empty after an error
    std::optional<error> failed;
    std::uint64_t reported = 0;  // the sum of what the steps said they moved
    unsigned would_blocks = 0;
    unsigned colds = 0;

    [[nodiscard]] bool done() const noexcept { return state == progress_state::done; }
    [[nodiscard]] bool truncated() const noexcept {
        return state == progress_state::source_truncated;
    }
    // What happened, for the message of a failed test.
    [[nodiscard]] std::string text() const;
};

// Steps until the chain is empty, a file is too short or a call fails. Takes at most `gulp` bytes
// from the other end each time the sink is full, and warms what is cold. Afterwards takes what was
// reported as moved; the pair stays open.
[[nodiscard]] delivery deliver(transfer& out, stream_pair& pair, std::size_t gulp = SIZE_MAX);

}  // namespace sluice::support
