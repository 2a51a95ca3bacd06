// async_transfer.h: drives a transfer from a coroutine.
#pragma once

#include <cstdint>

#include <sluice/transfer.h>

#include "net/asio.h"
#include "net/workers.h"

namespace sluice::net {

// How a transfer shares its loop and its line with others.
struct pace {
    // Bytes before other connections of the loop get their turn.
    std::uint64_t turn_bytes = 1024 * 1024;
    // Bytes a second; 0: as fast as it goes.
    std::uint64_t bytes_per_second = 0;
};

// Is told what a transfer waits for, so that deadlines can be kept. In the loop's thread.
class transfer_observer {
  public:
    virtual ~transfer_observer() = default;
    virtual void
    waits_for_peer() = 0;  // the socket takes no more; called again after each progress
    virtual void waits_for_disk() = 0;  // a chunk is being read into the page cache
};

// Moves everything that `out` holds into its sink, which must be `socket`. Waits for the socket in
// the loop and for the disk in `disk`'s threads. Returns `done`, or `source_truncated`, or the
// error.
[[nodiscard]] task<result<progress_state>> async_transfer(transfer& out, stream_socket& socket,
                                                          workers& disk, const pace& how,
                                                          transfer_observer& observer);

}  // namespace sluice::net
