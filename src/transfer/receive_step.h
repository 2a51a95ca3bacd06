// receive_step.h: the one signature that every way to receive has.
//
// A way moves bytes from a source into a file at a position. What has got into the file it counts
// in the request as it goes, so that the count holds when a later call of the same step fails; what
// had left the source by then it puts aside. A new way is a file with one such function, a row in
// the public table (receive_way.h) and a row in step_of().
#pragma once

#include <cstdint>
#include <optional>

#include <sluice/file.h>
#include <sluice/file_transfer.h>
#include <sluice/mapped_region.h>
#include <sluice/result.h>

#include "sys/io.h"
#include "transfer/bounce.h"
#include "transfer/pipe_pool.h"

namespace sluice::inline v0 {

// The range of the file that is mapped to be received into.
struct receive_window {
    mapped_region mapped;
    std::uint64_t position = 0;
    std::uint64_t file_size = 0;  // before the mapping made the file longer

    [[nodiscard]] std::uint64_t end_position() const noexcept { return position + mapped.size(); }
};

// What ways keep from step to step. A pipe is empty between steps.
struct receive_staging {
    std::optional<pooled_pipe> pipe;
    std::optional<bounce_block> block;
    std::optional<receive_window> window;
    // What has left the source but not got into the file, after an error.
    buffer_slice unwritten;
};

struct receive_request {
    const byte_source& from;
    const file& to;
    std::uint64_t position;
    std::uint64_t limit;  // more than 0; at most this much leaves the source
    sys::receive_wait wait;
    const receive_profile& sizes;
    receive_staging& kept;
    mechanism_cost& cost;       // where the step books
    std::uint64_t arrived = 0;  // in the file, at `position`

    [[nodiscard]] std::uint64_t write_position() const noexcept { return position + arrived; }
};

enum class receive_state : std::uint8_t { moved, would_block, source_ended, unsupported };

struct receive_outcome {
    receive_state state = receive_state::moved;
    int reason = 0;  // with unsupported: the errno value
};

using receive_function = result<receive_outcome> (*)(receive_request&);

[[nodiscard]] result<receive_outcome> receive_by_copy(receive_request& request);
[[nodiscard]] result<receive_outcome> receive_by_splice(receive_request& request);
[[nodiscard]] result<receive_outcome> receive_by_mapping(receive_request& request);

[[nodiscard]] receive_function step_of(receive_way which) noexcept;

// Unmaps the window, and cuts off what it made the file longer than `end_position`.
result<void> close_window(receive_staging& kept, const file& to, std::uint64_t end_position);

// Whether a failed call says that this kernel, file or source does not know it.
[[nodiscard]] bool means_unsupported(const error& failed) noexcept;

// recv(2) or read(2), as the source is one. Books the call and its copy.
[[nodiscard]] result<sys::moved> read_source(const receive_request& request, writable_bytes room);

// Writes all of it to the file, or puts the rest aside as unwritten and returns the error.
[[nodiscard]] result<void> write_all(receive_request& request, bytes_view from);

}  // namespace sluice::inline v0
