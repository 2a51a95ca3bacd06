#include "sys/sockets.h"

#include <cerrno>

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"

namespace sluice::sys {

namespace {

bool concerns_one_connection(int reason) {
    switch (reason) {
        case EINTR:
        case ECONNABORTED:
        case EPROTO:
        case ENETDOWN:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENETUNREACH:
            return true;
        default:
            return false;
    }
}

// The kernel's report on zero-copy sends in a message of the error queue, if it is one.
std::optional<zerocopy_completion> completion_in(msghdr& message) {
    for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        bool is_error = (part->cmsg_level == SOL_IP && part->cmsg_type == IP_RECVERR) ||
                        (part->cmsg_level == SOL_IPV6 && part->cmsg_type == IPV6_RECVERR);
        if (!is_error) continue;
        const auto* report = reinterpret_cast<const sock_extended_err*>(CMSG_DATA(part));
        if (report->ee_errno != 0 || report->ee_origin != SO_EE_ORIGIN_ZEROCOPY) continue;
        return zerocopy_completion{.first = report->ee_info,
                                   .last = report->ee_data,
                                   .copied = (report->ee_code & SO_EE_CODE_ZEROCOPY_COPIED) != 0};
    }
    return std::nullopt;
}

void enable(int socket, int level, int name) noexcept {
    int on = 1;
    ::setsockopt(socket, level, name, &on, sizeof on);
}

}  // namespace

result<unique_fd> listen_on(const socket_address& address, int backlog, port_sharing sharing) {
    int family = address.storage.ss_family;
    bool ip = family != AF_UNIX;
    unique_fd made(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!made) return failure(errno, "socket");
    if (ip) enable(made.get(), SOL_SOCKET, SO_REUSEADDR);
    if (family == AF_INET6) enable(made.get(), IPPROTO_IPV6, IPV6_V6ONLY);
    if (ip && sharing == port_sharing::further) enable(made.get(), SOL_SOCKET, SO_REUSEPORT);
    if (::bind(made.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0)
        return failure(errno, "bind");
    // Set after bind: the bind itself was refused if anybody else listens here.
    if (ip && sharing == port_sharing::first) enable(made.get(), SOL_SOCKET, SO_REUSEPORT);
    if (::listen(made.get(), backlog) != 0) return failure(errno, "listen");
    return made;
}

bool is_abandoned(const socket_address& address) noexcept {
    unique_fd caller(
        ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!caller) return false;
    const auto* raw = reinterpret_cast<const sockaddr*>(&address.storage);
    return ::connect(caller.get(), raw, address.size) != 0 && errno == ECONNREFUSED;
}

void remove_socket(const std::string& path) noexcept {
    struct stat found {};
    if (::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) ::unlink(path.c_str());
}

result<unique_fd> accept(int listener, socket_address* peer) {
    if (auto injected = fault_for(call::accept); injected.error_number != 0)
        return failure(injected.error_number, "accept4");
    while (true) {
        socket_address from;
        from.size = sizeof from.storage;
        unique_fd accepted(::accept4(listener, reinterpret_cast<sockaddr*>(&from.storage),
                                     &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (accepted) {
            if (peer != nullptr) *peer = from;
            return accepted;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) return unique_fd();
        if (!concerns_one_connection(errno)) return failure(errno, "accept4");
    }
}

result<socket_address> local_address(int socket) {
    socket_address found;
    found.size = sizeof found.storage;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&found.storage), &found.size) != 0)
        return failure(errno, "getsockname");
    return found;
}

void send_at_once(int socket) noexcept {
    enable(socket, IPPROTO_TCP, TCP_NODELAY);
}

void shut_sending(int socket) noexcept {
    ::shutdown(socket, SHUT_WR);
}

result<void> allow_zerocopy(int socket) {
    int on = 1;
    if (::setsockopt(socket, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) != 0)
        return failure(errno, "setsockopt SO_ZEROCOPY");
    return {};
}

result<moved> send_zerocopy(int socket, std::span<const iovec> parts, more_follows more) {
    return send(socket, parts, more, MSG_ZEROCOPY);
}

result<std::optional<zerocopy_completion>> next_completion(int socket) {
    while (true) {
        if (auto injected = fault_for(call::recvmsg); injected.error_number != 0)
            return failure(injected.error_number, "recvmsg");
        alignas(cmsghdr) std::byte control[256];
        msghdr message{};
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        if (::recvmsg(socket, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) return std::optional<zerocopy_completion>();
            return failure(errno, "recvmsg");
        }
        if (auto found = completion_in(message)) return found;
    }
}

void reset_on_close(int socket) noexcept {
    linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void reset_now(int socket) noexcept {
    reset_on_close(socket);
    sockaddr nowhere{};
    nowhere.sa_family = AF_UNSPEC;
    ::connect(socket, &nowhere, sizeof nowhere);
}

}  // namespace sluice::sys
