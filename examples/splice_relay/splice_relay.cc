// Relays what standard input brings, a socket or a pipe, to a TCP port of this machine. The bytes
// wait in a file without a name when the receiver is slower, and are never in this program:
//
//     socket ──splice──▶ spool file (page cache) ──sendfile──▶ socket
//
//     splice_relay 9000 < /some/fifo
#include <csignal>
#include <iostream>
#include <string>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sluice/file_transfer.h>

namespace {

using state = sluice::transfer_state;

sluice::result<sluice::unique_fd> connect_to(std::uint16_t port) {
    sluice::unique_fd peer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!peer || connect(peer.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        return sluice::failure(errno, "connect", std::to_string(port));
    }
    return peer;
}

void make_non_blocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

// Waits until there is something to read, unless all has been read, or room to write, if there is
// something to write.
void wait_for(int from, bool ended, int to, bool has_more) {
    pollfd ready[] = {{ended ? -1 : from, POLLIN, 0}, {has_more ? to : -1, POLLOUT, 0}};
    poll(ready, 2, -1);
}

sluice::result<sluice::file> new_spool() {
    sluice::open_options nameless;
    nameless.access = sluice::file_access::read_write;
    nameless.temporary = true;
    return sluice::file::open("/tmp", nameless);
}

sluice::result<void> relay(int from, int to) {
    auto source = sluice::byte_source::of(from);
    if (!source) return sluice::failure(std::move(source));
    auto sink = sluice::sink::of(to);
    if (!sink) return sluice::failure(std::move(sink));
    auto spool = new_spool();
    if (!spool) return sluice::failure(std::move(spool));

    sluice::file_transfer_options how;
    how.forced_receive = sluice::receive_way::splice;
    std::uint64_t begin = 0, end = 0;  // what is in the spool and has not been sent
    std::uint64_t relayed = 0, copied = 0;
    bool ended = false;
    while (!ended || begin < end) {
        wait_for(from, ended, to, begin < end);
        if (!ended) {
            auto got = transfer_from(*source, *spool, end, 1 << 20, how);
            if (got.state == state::failed) return std::unexpected(*got.failed);
            end += got.bytes;
            copied += got.costs.total().copied_user_kernel;
            ended = got.state == state::source_ended;
        }
        auto sent = transfer_to(spool->region(begin, end - begin), *sink);
        if (sent.state == state::failed) return std::unexpected(*sent.failed);
        copied += sent.costs.total().copied_user_kernel;
        begin += sent.bytes;
        relayed += sent.bytes;
        // The socket may still hold pages of what has been sent, so they are not written again: the
        // next bytes get a new file, and the old one goes with the last page that is on its way.
        if (begin == end && end >= 64 << 20) {
            spool = new_spool();
            if (!spool) return sluice::failure(std::move(spool));
            begin = end = 0;
        }
    }
    std::cerr << relayed << " bytes relayed, " << copied << " copied\n";
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: splice_relay PORT\n";
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    auto peer = connect_to(static_cast<std::uint16_t>(std::stoi(argv[1])));
    if (peer) {
        make_non_blocking(STDIN_FILENO);
        make_non_blocking(peer->get());
    }
    auto done = peer ? relay(STDIN_FILENO, peer->get()) : sluice::failure(std::move(peer));
    if (!done) {
        std::cerr << "splice_relay: " << done.error().message() << "\n";
        return 1;
    }
}
