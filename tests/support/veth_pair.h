// veth_pair.h: TCP between two network namespaces, over a pair of virtual Ethernet devices.
//
// Unlike the loopback device, this path has segmentation, queues and checksums. The namespaces have
// no names: they go with the last socket in them, even when a test crashes.
#pragma once

#include <cstdint>
#include <utility>

#include <sluice/result.h>
#include <sluice/unique_fd.h>

namespace sluice::support {

// The two ends of a connection, both non-blocking: first sends, second receives.
using connected_ends = std::pair<unique_fd, unique_fd>;

// Needs the right to make network namespaces and the ip command; the error says what is missing.
// `buffer_size` other than 0 bounds the socket buffers.
[[nodiscard]] result<connected_ends> connected_over_veth(int buffer_size);

// A listening socket in the calling thread's namespace, on any port of `address` (host byte order).
[[nodiscard]] result<unique_fd> listening_on(std::uint32_t address, int buffer_size);
// A connection from the calling thread's namespace to that socket; first is the connecting end.
[[nodiscard]] result<connected_ends> connected_to(const unique_fd& listener, int buffer_size);

}  // namespace sluice::support
