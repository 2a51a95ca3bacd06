// event_poll.h: waiting for many descriptors at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sluice/result.h>
#include <sluice/unique_fd.h>

namespace sluice::sys {

// epoll_create1(2), close-on-exec.
[[nodiscard]] result<unique_fd> make_epoll();
// epoll_ctl(2) EPOLL_CTL_ADD for errors and hang-ups alone, each reported once (EPOLLET): messages
// in a socket's error queue count as errors.
[[nodiscard]] result<void> watch_errors(int epoll, int fd, std::uint64_t key);
// epoll_wait(2): the keys of descriptors with news, at most as many as there is room for. An
// interruption by a signal counts as none.
[[nodiscard]] result<std::size_t> wait_for_news(int epoll, std::span<std::uint64_t> keys,
                                                int timeout_ms);

}  // namespace sluice::sys
