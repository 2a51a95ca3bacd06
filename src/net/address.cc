#include "net/address.h"

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <memory>
#include <optional>

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/un.h>

#include <sluice/bytes.h>

namespace sluice::net {

namespace {

constexpr std::string_view unix_prefix = "unix:";

struct address_parts {
    std::string host;
    std::string port;
};

bool is_port(std::string_view text) {
    unsigned number = 0;
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failed == std::errc() && end == text.data() + text.size() && number <= 65535;
}

std::optional<address_parts> split(std::string_view text) {
    auto colon = text.rfind(':');
    if (colon == std::string_view::npos || !is_port(text.substr(colon + 1))) return std::nullopt;
    auto host = text.substr(0, colon);
    bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (host.empty() || (!bracketed && host.find(':') != std::string_view::npos))
        return std::nullopt;
    return address_parts{std::string(host), std::string(text.substr(colon + 1))};
}

sys::socket_address unix_address(std::string_view path) {
    sys::socket_address made;
    auto& raw = reinterpret_cast<sockaddr_un&>(made.storage);
    raw.sun_family = AF_UNIX;
    path.copy(raw.sun_path, path.size());
    made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return made;
}

result<sys::socket_address> look_up(std::string_view text, const std::string& host,
                                    const std::string& port) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    int reason = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
    if (reason != 0)
        return failure(EADDRNOTAVAIL, "address",
                       std::string(text) + " (" + ::gai_strerror(reason) + ")");
    sys::socket_address made;
    made.size = found->ai_addrlen;
    copy_bytes({reinterpret_cast<std::byte*>(&made.storage), made.size},
               {reinterpret_cast<const std::byte*>(found->ai_addr), made.size});
    return made;
}

}  // namespace

std::string address_problem(std::string_view text) {
    constexpr auto path_max = sizeof(sockaddr_un::sun_path) - 1;
    if (text.starts_with(unix_prefix)) {
        auto size = text.size() - unix_prefix.size();
        return size > 0 && size <= path_max ? "" : "wants unix: and a path of at most 107 bytes";
    }
    return split(text) ? "" : "wants HOST:PORT, [IPV6]:PORT or unix:PATH";
}

result<sys::socket_address> parse_address(std::string_view text) {
    if (auto problem = address_problem(text); !problem.empty())
        return failure(EINVAL, "address", std::string(text) + " (" + problem + ")");
    if (text.starts_with(unix_prefix)) return unix_address(text.substr(unix_prefix.size()));
    auto parts = *split(text);
    return look_up(text, parts.host, parts.port);
}

std::string host_of(const sys::socket_address& address) {
    char host[INET6_ADDRSTRLEN] = "";
    if (address.storage.ss_family == AF_INET) {
        const auto& raw = reinterpret_cast<const sockaddr_in&>(address.storage);
        ::inet_ntop(AF_INET, &raw.sin_addr, host, sizeof host);
    } else if (address.storage.ss_family == AF_INET6) {
        const auto& raw = reinterpret_cast<const sockaddr_in6&>(address.storage);
        ::inet_ntop(AF_INET6, &raw.sin6_addr, host, sizeof host);
    } else {
        return "unix:";
    }
    return host;
}

std::string text_of(const sys::socket_address& address) {
    switch (address.storage.ss_family) {
        case AF_INET: {
            const auto& raw = reinterpret_cast<const sockaddr_in&>(address.storage);
            return host_of(address) + ":" + std::to_string(ntohs(raw.sin_port));
        }
        case AF_INET6: {
            const auto& raw = reinterpret_cast<const sockaddr_in6&>(address.storage);
            return "[" + host_of(address) + "]:" + std::to_string(ntohs(raw.sin6_port));
        }
        default: {
            const auto& raw = reinterpret_cast<const sockaddr_un&>(address.storage);
            return std::string(unix_prefix) + raw.sun_path;
        }
    }
}

}  // namespace sluice::net
