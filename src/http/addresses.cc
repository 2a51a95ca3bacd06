#include "http/addresses.h"

#include "net/address.h"
#include "sys/descriptors.h"
#include "sys/files.h"
#include "sys/sockets.h"

namespace sluice::http {

namespace {

constexpr int backlog = 4096;
constexpr std::string_view unix_prefix = "unix:";

result<void> add_copies(listening& made, std::size_t loops) {
    while (made.sockets.size() < loops) {
        auto copy = sys::duplicate(made.sockets.front().get());
        if (!copy) return failure(std::move(copy));
        made.sockets.push_back(*std::move(copy));
    }
    return {};
}

// The further sockets of an IP address bind to the port that the first one got.
result<void> add_sharing(listening& made, const sys::socket_address& bound, std::size_t loops) {
    while (made.sockets.size() < loops) {
        auto further = sys::listen_on(bound, backlog, sys::port_sharing::further);
        if (!further) return failure(std::move(further));
        made.sockets.push_back(*std::move(further));
    }
    return {};
}

}  // namespace

result<listening> listen_on(const std::string& address, std::size_t loops) {
    auto parsed = net::parse_address(address);
    if (!parsed) return failure(std::move(parsed));
    bool local = parsed->storage.ss_family == AF_UNIX;
    if (local && sys::is_abandoned(*parsed)) remove_path(address);
    auto named = [&](error failed) {
        return std::unexpected(error(failed.code(), "listen on", address));
    };
    auto first = sys::listen_on(*parsed, backlog, sys::port_sharing::first);
    if (!first) return named(first.error());
    auto bound = sys::local_address(first->get());
    if (!bound) return named(bound.error());
    listening made{address, net::text_of(*bound), {}};
    made.sockets.push_back(*std::move(first));
    auto added = local ? add_copies(made, loops) : add_sharing(made, *bound, loops);
    if (!added) return named(added.error());
    return made;
}

result<listening> share(unique_fd inherited, std::size_t loops) {
    auto bound = sys::local_address(inherited.get());
    if (!bound) return failure(std::move(bound));
    listening made{{}, net::text_of(*bound), {}};
    made.sockets.push_back(std::move(inherited));
    if (auto added = add_copies(made, loops); !added) return failure(std::move(added));
    return made;
}

void remove_path(const std::string& bound) noexcept {
    if (bound.starts_with(unix_prefix)) sys::remove_socket(bound.substr(unix_prefix.size()));
}

}  // namespace sluice::http
