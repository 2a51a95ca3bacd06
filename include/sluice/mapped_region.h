// mapped_region.h: a range of a file mapped into memory.
#pragma once

#include <sluice/buffer_slice.h>
#include <sluice/file_region.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// Maps `region` for reading and gives its bytes as a slice. No copy; the pages are those of the
// page cache. The mapping goes when the last slice of it goes. Touching a page behind the end of a
// file that has shrunk raises SIGBUS in user space; handing the bytes to a system call gives EFAULT
// instead.
[[nodiscard]] result<buffer_slice> map_for_reading(const file_region& region);

}  // namespace sluice::inline v0

#pragma GCC visibility pop
