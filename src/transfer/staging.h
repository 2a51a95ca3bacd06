// staging.h: what mechanisms keep from step to step of one transfer.
#pragma once

#include <cstdint>
#include <optional>

#include <sluice/buffer_slice.h>

#include "transfer/pipe_pool.h"

namespace sluice {

class staging {
  public:
    // splice: a pipe from the pool while bytes are in it, and how many.
    std::optional<pooled_pipe> pipe;
    std::uint64_t piped_bytes = 0;

    // mapped_write: the window of the file that is mapped now.
    buffer_slice window;
    int window_fd = -1;
    std::uint64_t window_position = 0;

    [[nodiscard]] bool holds_bytes() const noexcept { return piped_bytes > 0; }
    // Drops everything; a pipe that still holds bytes is closed and not pooled.
    void clear() noexcept {
        if (pipe && piped_bytes > 0) pipe->spoil();
        pipe.reset();
        piped_bytes = 0;
        window = {};
        window_fd = -1;
    }
    ~staging() { clear(); }
};

}  // namespace sluice
