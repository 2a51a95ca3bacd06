#include "support/delivery.h"

namespace sluice::support {

namespace {

// What a loop does after a step. False when there is nothing more to do.
bool attend(delivery& made, transfer& out, stream_pair& pair, std::size_t gulp) {
    switch (*made.state) {
        case progress_state::done:
        case progress_state::source_truncated:
            return false;
        case progress_state::more:
            return true;
        case progress_state::cold:
            ++made.colds;
            if (!warm(*out.cold_region())) return false;
            out.warmed();
            return true;
        case progress_state::would_block:
            break;
    }
    ++made.would_blocks;
    made.received += pair.take_arrived(gulp);
    return pair.wait_for_either();
}

}  // namespace

std::string delivery::text() const {
    if (failed) return failed->message();
    return "state " + (state ? std::to_string(static_cast<int>(*state)) : "none") + ", reported " +
           std::to_string(reported) + ", received " + std::to_string(received.size());
}

delivery deliver(transfer& out, stream_pair& pair, std::size_t gulp) {
    delivery made;
    do {
        auto moved = out.step();
        if (!moved) {
            made.failed = std::move(moved).error();
            made.state.reset();
            break;
        }
        made.state = moved->state;
        made.reported += moved->bytes;
    } while (attend(made, out, pair, gulp));
    if (made.received.size() < made.reported)
        made.received += pair.take(static_cast<std::size_t>(made.reported) - made.received.size());
    return made;
}

}  // namespace sluice::support
