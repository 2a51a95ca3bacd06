#include "sys/threads.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::sys {

int thread_id() noexcept {
    static thread_local const int id = ::gettid();
    return id;
}

bool membarrier_ready() noexcept {
    static const bool ready =
        ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
    return ready;
}

void membarrier_all() noexcept {
    if (membarrier_ready()) ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

}  // namespace sluice::sys
