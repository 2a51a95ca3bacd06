// fault.h: the border at which tests make system calls fail.
//
// Each wrapper in src/sys that moves bytes, opens or maps asks here first. Without an injector
// (always, outside tests) that is one relaxed load and a branch that is never taken.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace sluice::sys {

enum class call : std::uint8_t {
    open,
    stat,
    read,
    pread,
    write,
    pwrite,
    writev,
    sendmsg,
    sendfile,
    splice,
    copy_file_range,
    clone,
    allocate,
    truncate,
    sync,
    rename,
    lock,
    mmap,
    mremap,
    madvise,
    msync,
    mlock,
    cachestat,
    readahead,
    pipe,
    recvmsg,
    accept  // stays the last: tests count by it
};
// How many there are; accept stays the last.
inline constexpr std::size_t call_count = static_cast<std::size_t>(call::accept) + 1;

// What to do to one call: fail it with an errno value without making it, or cut its byte count.
struct fault {
    int error_number = 0;
    std::size_t size_max = std::numeric_limits<std::size_t>::max();
};

// Decides for each call. Called from any thread that makes system calls.
class fault_injector {
  public:
    virtual ~fault_injector() = default;
    virtual fault decide(call made) = 0;
};

inline std::atomic<fault_injector*> active_injector{nullptr};

[[nodiscard]] inline fault fault_for(call made) {
    auto* injector = active_injector.load(std::memory_order_acquire);
    if (injector == nullptr) [[likely]]
        return {};
    return injector->decide(made);
}

// Installs an injector for its own lifetime. One at a time.
class scoped_injector {
  public:
    explicit scoped_injector(fault_injector& injector) { active_injector.store(&injector); }
    scoped_injector(const scoped_injector&) = delete;
    scoped_injector& operator=(const scoped_injector&) = delete;
    ~scoped_injector() { active_injector.store(nullptr); }
};

}  // namespace sluice::sys
