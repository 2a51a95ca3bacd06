#include "support/stream_pair.h"

#include <array>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/veth_pair.h"
#include "sys/descriptors.h"
#include "sys/files.h"
#include "sys/io.h"

namespace sluice::support {

namespace {

constexpr int patience_ms = 20'000;
constexpr int tiny_size = 4096;  // the kernel doubles it and adds what it needs

void shrink(int socket) {
    for (int name : {SO_SNDBUF, SO_RCVBUF})
        ::setsockopt(socket, SOL_SOCKET, name, &tiny_size, sizeof tiny_size);
}

}  // namespace

std::string_view name_of(pair_kind kind) noexcept {
    constexpr std::array<std::string_view, 5> names{"tcp", "unix_socket", "pipe", "regular_file",
                                                    "tcp_veth"};
    return names[static_cast<std::size_t>(kind)];
}

result<stream_pair> stream_pair::make(pair_kind kind, room buffers) {
    switch (kind) {
        case pair_kind::tcp:
            return of_tcp(buffers);
        case pair_kind::unix_socket:
            return of_unix_socket(buffers);
        case pair_kind::pipe:
            return of_pipe(buffers);
        case pair_kind::regular_file:
            return of_file();
        case pair_kind::tcp_veth:
            break;
    }
    auto ends = connected_over_veth(buffers == room::tiny ? tiny_size : 0);
    if (!ends) return failure(std::move(ends));
    return stream_pair(std::move(ends->first), std::move(ends->second));
}

result<stream_pair> stream_pair::of_file() {
    auto written = std::make_unique<temporary_file>();
    auto sending = sys::open(written->path(), O_WRONLY);
    if (!sending) return failure(std::move(sending));
    auto receiving = sys::open(written->path(), O_RDONLY);
    if (!receiving) return failure(std::move(receiving));
    stream_pair made(*std::move(sending), *std::move(receiving));
    made.written_ = std::move(written);
    return made;
}

result<stream_pair> stream_pair::of_pipe(room buffers) {
    auto ends = sys::make_pipe(buffers == room::tiny ? 4096 : 65536);
    if (!ends) return failure(std::move(ends));
    return stream_pair(std::move(ends->write_end), std::move(ends->read_end));
}

result<stream_pair> stream_pair::of_unix_socket(room buffers) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        return failure(errno, "socketpair");
    stream_pair made{unique_fd(ends[0]), unique_fd(ends[1])};
    if (buffers == room::tiny) shrink(made.sending_end());
    return made;
}

result<stream_pair> stream_pair::of_tcp(room buffers) {
    auto listener = listening_on(INADDR_LOOPBACK, buffers == room::tiny ? tiny_size : 0);
    if (!listener) return failure(std::move(listener));
    auto ends = connected_to(*listener, buffers == room::tiny ? tiny_size : 0);
    if (!ends) return failure(std::move(ends));
    return stream_pair(std::move(ends->first), std::move(ends->second));
}

std::string stream_pair::take_arrived(std::size_t count_max) {
    std::string arrived;
    std::array<std::byte, 65536> block;
    while (arrived.size() < count_max) {
        auto wanted = std::min(block.size(), count_max - arrived.size());
        auto count = ::read(receiving_end(), block.data(), wanted);
        if (count <= 0) break;
        arrived.append(as_text(bytes_view(block).first(static_cast<std::size_t>(count))));
    }
    return arrived;
}

bool stream_pair::wait_for_bytes() const {
    pollfd waiting{.fd = receiving_end(), .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, patience_ms) > 0;
}

bool stream_pair::wait_for_either() const {
    std::array<pollfd, 2> waiting{{{.fd = receiving_end(), .events = POLLIN, .revents = 0},
                                   {.fd = sending_end(), .events = POLLOUT, .revents = 0}}};
    return ::poll(waiting.data(), waiting.size(), patience_ms) > 0;
}

std::string stream_pair::take(std::size_t count) {
    std::string taken;
    while (taken.size() < count && wait_for_bytes()) {
        auto more = take_arrived(count - taken.size());
        if (more.empty()) break;
        taken += more;
    }
    return taken;
}

std::string stream_pair::take_rest() {
    sending_.reset();
    return take(SIZE_MAX);
}

}  // namespace sluice::support
