// threads.h: what the kernel knows and does about threads.
#pragma once

namespace sluice::sys {

// gettid(2), asked once in each thread.
[[nodiscard]] int thread_id() noexcept;

// Makes the process known to membarrier(2), once; false where the kernel does not have it or does
// not allow it. Then membarrier_all() does nothing.
[[nodiscard]] bool membarrier_ready() noexcept;
// A full memory barrier in every running thread of the process (MEMBARRIER_CMD_PRIVATE_EXPEDITED):
// what a thread stored before it is seen after it, and what it loads after it is no older. Costs
// microseconds, and the other threads nothing otherwise.
void membarrier_all() noexcept;

}  // namespace sluice::sys
