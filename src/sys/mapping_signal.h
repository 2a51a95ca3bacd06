// mapping_signal.h: SIGBUS, the signal of a mapped page that cannot be had, and the few calls that
// may be made while a thread stands in it.
//
// The calls below marked "in a handler" are raw system calls: they neither allocate nor lock, and
// sanitizers do not look at them. Fault injection does not reach them for that reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <sluice/result.h>

namespace sluice::sys {

// Called in the thread that touched `address`, in the signal handler. True when the access can be
// made again; false passes the signal on to the handler that was there before.
using bus_error_handler = bool (*)(const std::byte* address) noexcept;

// Installs `handler` for the process (sigaction(2), SA_SIGINFO, SA_ONSTACK, SA_NODEFER). The first
// call counts; later ones do nothing. A program that sets a SIGBUS handler of its own afterwards
// must call the one it has replaced.
[[nodiscard]] result<void> handle_bus_errors(bus_error_handler handler);

// In a handler: puts private pages of zeros where `size` bytes from `at` on are mapped. errno is
// left as it was.
[[nodiscard]] bool replace_by_zeros(std::byte* at, std::size_t size, bool writable) noexcept;
// In a handler: the size of an open file; none when it cannot be had. errno is left as it was.
[[nodiscard]] std::optional<std::uint64_t> size_in_handler(int fd) noexcept;

}  // namespace sluice::sys
