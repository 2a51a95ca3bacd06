// The other side of a socket whose near side is measured.
//
//     bench_socket_peer discard|send BYTES
//
// Listens on loopback, prints its port and serves connections one after the other, until it is
// ended: either receives into a buffer, as ordinary clients do, and throws the bytes away until the
// other side ends; or sends BYTES bytes of noise and closes. It does not link the library, whose
// mistakes it must not share.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int listen_on_loopback() {
    const int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (listening < 0 || bind(listening, generic, size) != 0 || listen(listening, 8) != 0 ||
        getsockname(listening, generic, &size) != 0) {
        fail("bench_socket_peer: listening");
    }
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    return listening;
}

void discard(int connection) {
    static std::vector<char> buffer(std::size_t{256} * 1024);
    while (recv(connection, buffer.data(), buffer.size(), 0) > 0) {
    }
}

// A piece of noise that is sent again and again.
std::vector<char> noise() {
    std::vector<char> made(std::size_t{1} << 20U);
    std::uint64_t state = 1;
    std::ranges::generate(made, [&] {
        state = state * 6364136223846793005U + 1442695040888963407U;
        return static_cast<char>(state >> 56U);
    });
    return made;
}

void send_bytes(int connection, std::uint64_t left) {
    static const std::vector<char> block = noise();
    while (left > 0) {
        const auto sent = send(connection, block.data(),
                               std::min<std::uint64_t>(left, block.size()), MSG_NOSIGNAL);
        if (sent <= 0) return;  // the other side went away; it will say why
        left -= static_cast<std::uint64_t>(sent);
    }
}

}  // namespace

int main(int count, char** words) {
    const std::string_view what = count == 3 ? words[1] : "";
    if (what != "discard" && what != "send") {
        std::fputs("usage: bench_socket_peer discard|send BYTES\n", stderr);
        return 2;
    }
    const int listening = listen_on_loopback();
    for (;;) {
        const int connection = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) fail("bench_socket_peer: accept");
        if (what == "discard") {
            discard(connection);
        } else {
            send_bytes(connection, std::strtoull(words[2], nullptr, 10));
        }
        close(connection);
    }
}
