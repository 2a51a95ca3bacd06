// addresses.h: the sockets that a server listens on.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <sluice/result.h>
#include <sluice/unique_fd.h>

namespace sluice::http {

// One address with a listening socket for each loop: SO_REUSEPORT sockets where the kernel can
// spread connections over them, else copies of one socket.
struct listening {
    std::string wanted;  // as configured; empty for a socket that was inherited
    std::string bound;   // with the port in use
    std::vector<unique_fd> sockets;
};

// Listens on an address. A UNIX socket's path that nobody listens on any more is taken over.
[[nodiscard]] result<listening> listen_on(const std::string& address, std::size_t loops);

// Copies of a socket that somebody else has opened.
[[nodiscard]] result<listening> share(unique_fd inherited, std::size_t loops);

// Removes the path of a UNIX socket. Nothing for other addresses.
void remove_path(const std::string& bound) noexcept;

}  // namespace sluice::http
