// page_cache.h: whether a range of a file can be read without waiting for the disk.
//
// sendfile(2) waits for the disk even on a non-blocking socket, so a loop asks here before each
// chunk. warm() in file_region.h makes it so.
#pragma once

#include <cstdint>

#include <sluice/file_region.h>
#include <sluice/result.h>

namespace sluice::inline v0 {

enum class residency {
    hot,      // in the page cache
    cold,     // at least one page is missing or still under read
    unknown,  // neither cachestat nor RWF_NOWAIT works here: assumed hot, stalls are counted
};

// Looks at a range of at most some MiB; costs less than 1 µs, copies one byte for each probe.
//
// cachestat(2) counts the pages of the whole range, but also those that are still under read; the
// last page is therefore probed with preadv2(2) RWF_NOWAIT as well, which tells the two apart
// (reads are issued in order, so the last page is the last to come). Where the kernel has no
// cachestat, or it needs write access (6.14), the first and the last page decide.
[[nodiscard]] residency residency_of(const file_region& region);

}  // namespace sluice::inline v0
