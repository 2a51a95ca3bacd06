#include "sys/mapping_signal.h"

#include <atomic>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::sys {

namespace {

// Written before the handler is installed, and read by it alone.
struct sigaction previous {};
std::atomic<bus_error_handler> own_handler{nullptr};

// Only the kernel's word on an access of this very thread: not a kill(2), not a misaligned access,
// not the notice of a memory failure elsewhere (BUS_MCEERR_AO).
bool is_about_an_access(const siginfo_t& info) {
    return info.si_code == BUS_ADRERR || info.si_code == BUS_OBJERR ||
           info.si_code == BUS_MCEERR_AR;
}

// Ends the process as SIGBUS does. A faulting instruction is made again on return, which brings the
// signal back with its true origin; any other signal has to be sent once more.
void act_by_default(const siginfo_t& info) {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    ::sigaction(SIGBUS, &standard, nullptr);
    if (!is_about_an_access(info)) ::raise(SIGBUS);
}

void pass_on(int number, siginfo_t* info, void* context) {
    bool extended = (previous.sa_flags & SA_SIGINFO) != 0;
    if (!extended && previous.sa_handler == SIG_IGN && info->si_code <= 0) return;
    if (!extended && (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN))
        return act_by_default(*info);
    sigset_t before;
    ::pthread_sigmask(SIG_BLOCK, &previous.sa_mask, &before);
    if (extended) {
        previous.sa_sigaction(number, info, context);
    } else {
        previous.sa_handler(number);
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void on_bus_error(int number, siginfo_t* info, void* context) {
    int errno_before = errno;
    bool handled = is_about_an_access(*info) &&
                   own_handler.load()(static_cast<const std::byte*>(info->si_addr));
    if (!handled) pass_on(number, info, context);
    errno = errno_before;
}

int install(bus_error_handler handler) {
    // The previous handler is written down first: another thread may be hit as soon as ours is in.
    if (::sigaction(SIGBUS, nullptr, &previous) != 0) return errno;
    own_handler.store(handler);
    struct sigaction ours {};
    ours.sa_sigaction = on_bus_error;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    return ::sigaction(SIGBUS, &ours, nullptr) == 0 ? 0 : errno;
}

}  // namespace

result<void> handle_bus_errors(bus_error_handler handler) {
    static const int reason = install(handler);
    if (reason != 0) return failure(reason, "sigaction", "SIGBUS");
    return {};
}

bool replace_by_zeros(std::byte* at, std::size_t size, bool writable) noexcept {
    int errno_before = errno;
    int protection = PROT_READ | (writable ? PROT_WRITE : 0);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    bool replaced = ::syscall(SYS_mmap, at, size, protection, flags, -1, 0L) != -1;
    errno = errno_before;
    return replaced;
}

std::optional<std::uint64_t> size_in_handler(int fd) noexcept {
    int errno_before = errno;
    struct statx found {};
    bool known = ::syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_SIZE, &found) == 0;
    errno = errno_before;
    return known ? std::optional<std::uint64_t>(found.stx_size) : std::nullopt;
}

}  // namespace sluice::sys
