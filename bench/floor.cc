// The lower bound for a server of HTTP/1.1 on one thread: no parser, no names, no files to open.
//
//     bench_floor BODY_BYTES [--body memory|writev|sendfile] [--file PATH]
//
// Waits for the empty line that ends a request and answers with a head of ordinary length and a
// body of BODY_BYTES. How the body leaves is chosen by --body:
//
//     memory    head and body stand in one block, which leaves in one send
//     writev    head and body stand apart in memory, and leave in one gathered send
//     sendfile  the head leaves with MSG_MORE, the body from the file at PATH by sendfile
//
// What a server costs above this is what its parsing, its lookups and its accounting cost. It
// prints `ready http=127.0.0.1:PORT` and runs until it is killed. It does not use the library,
// because it is what the library is measured against.
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

enum class body_source { memory, writev, sendfile };

struct reply {
    body_source source = body_source::memory;
    std::string head;
    std::string body;  // memory: empty, since the body stands behind the head
    int file = -1;
    std::size_t body_bytes = 0;

    [[nodiscard]] std::size_t size() const {
        return source == body_source::memory ? head.size() : head.size() + body_bytes;
    }
};

struct connection {
    int fd = -1;
    int matched = 0;           // bytes of CR LF CR LF seen at the end of what has arrived
    std::size_t pending = 0;   // requests that have no answer yet
    std::size_t position = 0;  // in the answer that is under way
};

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

// Counts the ends of heads in `text`; a head may be split anywhere, so the state is kept.
std::size_t count_requests(connection& peer, std::string_view text) {
    constexpr std::string_view end_of_head = "\r\n\r\n";
    std::size_t found = 0;
    for (const char letter : text) {
        if (letter == end_of_head[static_cast<std::size_t>(peer.matched)]) {
            ++peer.matched;
        } else {
            peer.matched = letter == '\r' ? 1 : 0;
        }
        if (peer.matched == 4) {
            peer.matched = 0;
            ++found;
        }
    }
    return found;
}

ssize_t send_gathered(const reply& what, const connection& peer) {
    iovec parts[2];
    std::size_t count = 0;
    const std::size_t in_head = what.head.size();
    if (peer.position < in_head) {
        parts[count++] = {const_cast<char*>(what.head.data()) + peer.position,
                          in_head - peer.position};
    }
    const std::size_t in_body = peer.position > in_head ? peer.position - in_head : 0;
    parts[count++] = {const_cast<char*>(what.body.data()) + in_body, what.body_bytes - in_body};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = count;
    return sendmsg(peer.fd, &message, MSG_NOSIGNAL);
}

ssize_t send_from_file(const reply& what, const connection& peer) {
    if (peer.position < what.head.size()) {
        return send(peer.fd, what.head.data() + peer.position, what.head.size() - peer.position,
                    MSG_NOSIGNAL | MSG_MORE);
    }
    auto offset = static_cast<off_t>(peer.position - what.head.size());
    const std::size_t left = what.size() - peer.position;
    // Linux moves at most 2 GiB in one call; 2 MiB is what nginx takes.
    constexpr std::size_t chunk = std::size_t{2} << 20U;
    return sendfile(peer.fd, what.file, &offset, left < chunk ? left : chunk);
}

ssize_t send_some(const reply& what, const connection& peer) {
    switch (what.source) {
        case body_source::memory:
            return send(peer.fd, what.head.data() + peer.position, what.size() - peer.position,
                        MSG_NOSIGNAL);
        case body_source::writev:
            return send_gathered(what, peer);
        case body_source::sendfile:
            return send_from_file(what, peer);
    }
    return -1;
}

// Returns false when the connection is gone. A full socket is no reason: epoll says when it has
// room.
bool answer(const reply& what, connection& peer) {
    while (peer.pending > 0) {
        const ssize_t sent = send_some(what, peer);
        if (sent <= 0) {
            return sent < 0 && errno == EAGAIN;  // 0: the file is shorter than was promised
        }
        peer.position += static_cast<std::size_t>(sent);
        if (peer.position == what.size()) {
            peer.position = 0;
            --peer.pending;
        }
    }
    return true;
}

bool receive(connection& peer) {
    char buffer[16384];
    for (;;) {
        const ssize_t got = recv(peer.fd, buffer, sizeof buffer, 0);
        if (got <= 0) {
            return got < 0 && errno == EAGAIN;
        }
        const auto size = static_cast<std::size_t>(got);
        peer.pending += count_requests(peer, {buffer, size});
        if (size < sizeof buffer) {
            return true;  // the socket is empty, epoll(7): no second call to hear EAGAIN
        }
    }
}

struct listener {
    int fd = -1;
    std::uint16_t port = 0;
};

listener listen_on_loopback() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (fd < 0 || bind(fd, generic, size) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, generic, &size) != 0) {
        fail("listen");
    }
    return {fd, ntohs(address.sin_port)};
}

class server {
  public:
    server(reply what, int listening) : reply_(std::move(what)), listening_(listening) {
        epoll_ = epoll_create1(EPOLL_CLOEXEC);
        watch(listening_, EPOLLIN, nullptr);
    }

    [[noreturn]] void run() {
        epoll_event events[256];
        for (;;) {
            const int count = epoll_wait(epoll_, events, 256, -1);
            for (int i = 0; i < count; ++i) {
                auto* peer = static_cast<connection*>(events[i].data.ptr);
                if (peer == nullptr) {
                    accept_all();
                } else {
                    serve(peer, events[i].events);
                }
            }
        }
    }

  private:
    void watch(int fd, std::uint32_t events, connection* peer) const {
        epoll_event event{};
        event.events = events;
        event.data.ptr = peer;
        if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
            fail("epoll_ctl");
        }
    }

    void accept_all() {
        for (;;) {
            const int fd = accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) {
                return;
            }
            const int on = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            auto peer = std::make_unique<connection>();
            peer->fd = fd;
            // Edge-triggered for both directions: no epoll_ctl for the whole life of a connection.
            watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, peer.get());
            peer.release();  // epoll holds it until serve() takes it back
        }
    }

    void serve(connection* peer, std::uint32_t events) {
        const bool readable = (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0;
        if ((!readable || receive(*peer)) && answer(reply_, *peer)) {
            return;
        }
        close(peer->fd);
        delete peer;
    }

    reply reply_;
    int listening_;
    int epoll_ = -1;
};

std::string make_head(std::size_t body_bytes) {
    return "HTTP/1.1 200 OK\r\nServer: floor\r\nDate: Fri, 20 Nov 2026 10:00:00 GMT\r\n"
           "Content-Type: application/octet-stream\r\nContent-Length: " +
           std::to_string(body_bytes) +
           "\r\nLast-Modified: Fri, 20 Nov 2026 09:00:00 GMT\r\n"
           "ETag: \"6b1c9f10-12345\"\r\nAccept-Ranges: bytes\r\n\r\n";
}

[[noreturn]] void usage() {
    std::fputs("usage: bench_floor BODY_BYTES [--body memory|writev|sendfile] [--file PATH]\n",
               stderr);
    std::exit(2);
}

reply make_reply(const std::vector<std::string_view>& words) {
    reply made;
    if (words.empty()) {
        usage();
    }
    const std::string_view size = words[0];
    if (std::from_chars(size.data(), size.data() + size.size(), made.body_bytes).ec !=
        std::errc{}) {
        usage();
    }
    for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
        if (words[i] == "--body") {
            made.source = words[i + 1] == "sendfile" ? body_source::sendfile
                          : words[i + 1] == "writev" ? body_source::writev
                                                     : body_source::memory;
        } else if (words[i] == "--file") {
            made.file = open(std::string(words[i + 1]).c_str(), O_RDONLY | O_CLOEXEC);
        } else {
            usage();
        }
    }
    made.head = make_head(made.body_bytes);
    if (made.source == body_source::memory) {
        made.head.append(made.body_bytes, 'x');
    } else if (made.source == body_source::writev) {
        made.body.assign(made.body_bytes, 'x');
    } else if (made.file < 0) {
        fail("open");
    }
    return made;
}

}  // namespace

int main(int count, char** words) {
    reply what = make_reply({words + 1, words + count});
    const listener listening = listen_on_loopback();
    std::signal(SIGPIPE, SIG_IGN);  // sendfile has no MSG_NOSIGNAL
    std::printf("ready http=127.0.0.1:%u\n", unsigned{listening.port});
    std::fflush(stdout);
    server(std::move(what), listening.fd).run();
}
