// mechanism_step.h: the one signature that every mechanism has.
//
// A mechanism moves bytes from the front of a chain into a sink by one or two system calls, never
// waits for the sink, says how many bytes have reached it, and books what that cost. It does not
// touch the chain: transfer advances it. A new mechanism is a file with one such function, a row in
// the public table (mechanism.h) and a row in step_of().
#pragma once

#include <cstdint>

#include <sluice/chain.h>
#include <sluice/ledger.h>
#include <sluice/mechanism.h>
#include <sluice/result.h>
#include <sluice/sink.h>

#include "sys/io.h"
#include "transfer/staging.h"

namespace sluice::inline v0 {

struct step_request {
    const chain& pieces;  // not empty; the front is what is to be moved
    const sink& to;
    std::uint64_t limit;   // at most this much of the front file piece, or of memory alone
    staging& kept;         // what this mechanism keeps from step to step
    mechanism_cost& cost;  // where it books

    // The front, for mechanisms that move files.
    [[nodiscard]] const file_region& front_file() const {
        return *pieces.pieces().front().region();
    }
    // MSG_MORE while bytes of this chain follow what is moved now.
    [[nodiscard]] sys::more_follows more_behind(std::uint64_t moved) const {
        return moved < pieces.size() ? sys::more_follows::yes : sys::more_follows::no;
    }
};

enum class step_state : std::uint8_t { moved, would_block, source_truncated, unsupported };

struct step_outcome {
    std::uint64_t bytes = 0;
    step_state state = step_state::moved;
    int reason = 0;  // with unsupported: the errno value
};

using step_function = result<step_outcome> (*)(step_request&);

[[nodiscard]] result<step_outcome> read_write_step(step_request& request);
[[nodiscard]] result<step_outcome> mapped_write_step(step_request& request);
[[nodiscard]] result<step_outcome> sendfile_step(step_request& request);
[[nodiscard]] result<step_outcome> splice_step(step_request& request);
[[nodiscard]] result<step_outcome> gathered_write_step(step_request& request);
[[nodiscard]] result<step_outcome> copy_file_range_step(step_request& request);
[[nodiscard]] result<step_outcome> reflink_step(step_request& request);

[[nodiscard]] step_function step_of(mechanism which) noexcept;

// The outcome for a call that failed: unsupported when the reason says that this kernel, file or
// sink does not know the call, else the error itself, naming the file.
[[nodiscard]] result<step_outcome> refusal(error failed, const file_region& source);

// Fails where the memory is of a mapping that has lost these bytes (mapped_region.h): they would go
// out as zeros. Asked before a call and again after it, since another thread may meet the loss
// meanwhile. Free as long as no mapping has lost any.
[[nodiscard]] result<void> check_mappings(std::span<const iovec> parts);

// One write of gathered memory into the sink, by sendmsg(2), writev(2) or pwritev(2). Books the
// call and its copy.
[[nodiscard]] result<sys::moved> write_gathered(const sink& to, std::span<const iovec> parts,
                                                sys::more_follows more, mechanism_cost& cost);

}  // namespace sluice::inline v0
