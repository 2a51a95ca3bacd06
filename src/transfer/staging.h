// staging.h: what mechanisms keep from step to step of one transfer.
#pragma once

#include <cstdint>
#include <optional>

#include <sluice/buffer_slice.h>
#include <sluice/file_region.h>

#include "transfer/pipe_pool.h"

namespace sluice::inline v0 {

class staging {
  public:
    // splice: a pipe from the pool while bytes are in it, and how many.
    std::optional<pooled_pipe> pipe;
    std::uint64_t piped_bytes = 0;

    // mapped_write: the bytes that are mapped now, and the range of the file that they are. Holding
    // the file keeps its descriptor from becoming another file's.
    buffer_slice window;
    std::optional<file_region> window_source;

    [[nodiscard]] bool holds_bytes() const noexcept { return piped_bytes > 0; }
    // Drops everything; a pipe that still holds bytes is closed and not pooled.
    void clear() noexcept {
        if (pipe && piped_bytes > 0) pipe->spoil();
        pipe.reset();
        piped_bytes = 0;
        window = {};
        window_source.reset();
    }
    ~staging() { clear(); }
};

}  // namespace sluice::inline v0
