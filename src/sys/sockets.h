// sockets.h: making, naming and accepting stream sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <sys/socket.h>
#include <sys/uio.h>

#include <sluice/result.h>
#include <sluice/unique_fd.h>

#include "sys/io.h"

namespace sluice::sys {

// A socket address of any family, as bind(2) takes it.
struct socket_address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

// The first socket on an address must not share it with a stranger that already listens there
// (EADDRINUSE); the further ones of this process share it with the first (SO_REUSEPORT), one for
// each loop.
enum class port_sharing { first, further };

// A non-blocking, listening socket: socket, SO_REUSEADDR, SO_REUSEPORT (IP only), bind, listen.
[[nodiscard]] result<unique_fd> listen_on(const socket_address& address, int backlog,
                                          port_sharing sharing);

// Whether the path of a UNIX socket is there but nobody listens on it any more (connect(2) is
// refused): the path stays when a server has gone. Does not wait.
[[nodiscard]] bool is_abandoned(const socket_address& address) noexcept;
// unlink(2) of a path if it is a socket.
void remove_socket(const std::string& path) noexcept;

// accept4(2): a non-blocking connection, or an empty unique_fd when none is waiting. Errors that
// concern only the one connection that was about to come (ECONNABORTED, EPROTO, network errors) are
// skipped.
[[nodiscard]] result<unique_fd> accept(int listener, socket_address* peer = nullptr);

// getsockname(2)
[[nodiscard]] result<socket_address> local_address(int socket);
// TCP_NODELAY
void send_at_once(int socket) noexcept;
// shutdown(2) of the sending side: the peer sees the end, what it sends can still be read.
void shut_sending(int socket) noexcept;
// SO_LINGER 0: the close that follows resets the connection, if it is of the last descriptor.
void reset_on_close(int socket) noexcept;
// SO_LINGER 0 and connect(2) to AF_UNSPEC: resets the connection at once, also when other
// descriptors of the socket stay open. What was queued is not sent any more.
void reset_now(int socket) noexcept;

// SO_ZEROCOPY: allows MSG_ZEROCOPY. EOPNOTSUPP where the protocol has none.
[[nodiscard]] result<void> allow_zerocopy(int socket);
// sendmsg(2) with MSG_ZEROCOPY, MSG_NOSIGNAL and MSG_DONTWAIT. The kernel reads the memory after
// the call has returned, until next_completion() says that it has let go. Each call that moves
// bytes counts one. ENOBUFS: over optmem_max or RLIMIT_MEMLOCK.
[[nodiscard]] result<moved> send_zerocopy(int socket, std::span<const iovec> parts,
                                          more_follows more);
// Calls that the kernel has let go: first to last, both included, counted modulo 2^32.
struct zerocopy_completion {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    bool copied = false;  // SO_EE_CODE_ZEROCOPY_COPIED: it copied after all
};
// recvmsg(2) with MSG_ERRQUEUE: the next completion that has come, none if there is none. Other
// messages in the error queue are dropped.
[[nodiscard]] result<std::optional<zerocopy_completion>> next_completion(int socket);

}  // namespace sluice::sys
