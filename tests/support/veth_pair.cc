#include "support/veth_pair.h"

#include <cstdlib>
#include <string>
#include <thread>

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/descriptors.h"
#include "sys/files.h"
#include "sys/sockets.h"

namespace sluice::support {

namespace {

constexpr std::uint32_t receiver_address = 0x0ae70702;  // 10.231.7.2, seen in the namespaces only

void bound_buffers(int socket, int size) {
    if (size == 0) return;
    for (int name : {SO_SNDBUF, SO_RCVBUF})
        ::setsockopt(socket, SOL_SOCKET, name, &size, sizeof size);
}

// Runs `act` in a thread of its own that sits in the namespace, and returns what it returns.
template <typename Action>
auto inside(int network_namespace, Action act) -> decltype(act()) {
    decltype(act()) outcome = failure(EINVAL, "setns");
    std::thread([&] {
        if (::setns(network_namespace, CLONE_NEWNET) == 0) {
            outcome = act();
        } else {
            outcome = failure(errno, "setns");
        }
    }).join();
    return outcome;
}

result<unique_fd> new_namespace() {
    result<unique_fd> made = failure(EINVAL, "unshare");
    std::thread([&] {
        if (::unshare(CLONE_NEWNET) != 0) {
            made = failure(errno, "unshare", "network namespace");
        } else {
            made = sys::open("/proc/thread-self/ns/net", O_RDONLY);
        }
    }).join();
    return made;
}

result<void> run(const std::string& command) {
    if (std::system((command + " >/dev/null 2>&1").c_str()) != 0)
        return failure(ENOTSUP, "run", command);
    return {};
}

result<void> bring_up(const std::string& device, const std::string& address) {
    if (auto done = run("ip addr add " + address + "/30 dev " + device); !done) return done;
    return run("ip link set " + device + " up");
}

struct namespaces {
    unique_fd sender;
    unique_fd receiver;
};

result<namespaces> make_namespaces() {
    auto sender = new_namespace();
    if (!sender) return failure(std::move(sender));
    auto receiver = new_namespace();
    if (!receiver) return failure(std::move(receiver));
    auto peer = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(receiver->get());
    auto there = inside(sender->get(), [&]() -> result<void> {
        auto added = run("ip link add sluice0 type veth peer name sluice1 netns " + peer);
        return added ? bring_up("sluice0", "10.231.7.1") : added;
    });
    if (!there) return failure(std::move(there));
    auto here = inside(receiver->get(), [] { return bring_up("sluice1", "10.231.7.2"); });
    if (!here) return failure(std::move(here));
    return namespaces{*std::move(sender), *std::move(receiver)};
}

}  // namespace

result<unique_fd> listening_on(std::uint32_t address, int buffer_size) {
    unique_fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener) return failure(errno, "socket");
    bound_buffers(listener.get(), buffer_size);  // what it accepts inherits them
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(address);
    if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0)
        return failure(errno, "bind");
    if (::listen(listener.get(), 8) != 0) return failure(errno, "listen");
    return listener;
}

result<connected_ends> connected_to(const unique_fd& listener, int buffer_size) {
    auto name = sys::local_address(listener.get());
    if (!name) return failure(std::move(name));
    unique_fd connecting(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!connecting) return failure(errno, "socket");
    bound_buffers(connecting.get(), buffer_size);
    if (::connect(connecting.get(), reinterpret_cast<sockaddr*>(&name->storage), name->size) != 0)
        return failure(errno, "connect");
    unique_fd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!accepted) return failure(errno, "accept4");
    if (auto set = sys::set_nonblocking(connecting.get()); !set) return failure(std::move(set));
    return connected_ends(std::move(connecting), std::move(accepted));
}

result<connected_ends> connected_over_veth(int buffer_size) {
    static const auto both = make_namespaces();
    if (!both) return std::unexpected(both.error());
    auto listener =
        inside(both->receiver.get(), [&] { return listening_on(receiver_address, buffer_size); });
    if (!listener) return failure(std::move(listener));
    return inside(both->sender.get(), [&] { return connected_to(*listener, buffer_size); });
}

}  // namespace sluice::support
