#include "sys/event_poll.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/epoll.h>

namespace sluice::sys {

result<unique_fd> make_epoll() {
    unique_fd made(::epoll_create1(EPOLL_CLOEXEC));
    if (!made) return failure(errno, "epoll_create1");
    return made;
}

result<void> watch_errors(int epoll, int fd, std::uint64_t key) {
    epoll_event wanted{.events = EPOLLET, .data = {.u64 = key}};
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) != 0) return failure(errno, "epoll_ctl");
    return {};
}

result<std::size_t> wait_for_news(int epoll, std::span<std::uint64_t> keys, int timeout_ms) {
    std::array<epoll_event, 64> events;
    auto room = static_cast<int>(std::min(keys.size(), events.size()));
    int count = ::epoll_wait(epoll, events.data(), room, timeout_ms);
    if (count < 0 && errno == EINTR) count = 0;
    if (count < 0) return failure(errno, "epoll_wait");
    for (int at = 0; at < count; ++at)
        keys[static_cast<std::size_t>(at)] = events[static_cast<std::size_t>(at)].data.u64;
    return static_cast<std::size_t>(count);
}

}  // namespace sluice::sys
