// A client that throws bodies away as fast as they come.
//
//     bench_download HOST PORT PATH [COUNT] [SECONDS]
//
// Asks for PATH COUNT times (1) on one keep-alive connection, or until SECONDS (600) have gone by,
// receives with plain recv into a buffer of 256 KiB as ordinary programs do, and prints one line of
// JSON: whole responses, bytes of body, and seconds from the first request to the last byte.
// Exit status 1 when an answer is not 200, or ends before its Content-Length within the time.
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

using steady = std::chrono::steady_clock;

struct order {
    std::string host;
    std::uint16_t port = 0;
    std::string path;
    long count = 1;
    double seconds = 600;
};

struct tally {
    long responses = 0;
    std::size_t body_bytes = 0;
};

enum class outcome { whole, out_of_time, broken };

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int connect_to(const order& wanted) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(wanted.port);
    if (inet_pton(AF_INET, wanted.host.c_str(), &address.sin_addr) != 1) {
        fail("address");
    }
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // The deadline must be seen even while nothing arrives.
    timeval pause{.tv_sec = 0, .tv_usec = 50'000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof pause);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        fail("connect");
    }
    return fd;
}

class response_reader {
  public:
    response_reader(int fd, steady::time_point deadline) : fd_(fd), deadline_(deadline) {}

    outcome read(tally& total) {
        std::string head;
        std::size_t in_body = 0;
        while (in_body == 0) {
            if (const outcome more = receive(); more != outcome::whole) {
                return more;
            }
            head.append(buffer_.data(), received_);
            const std::size_t end = head.find("\r\n\r\n");
            in_body = end == std::string::npos ? 0 : end + 4;
        }
        if (!head.starts_with("HTTP/1.1 200 ")) {
            return outcome::broken;
        }
        return read_body(content_length(head), head.size() - in_body, total);
    }

  private:
    static std::size_t content_length(const std::string& head) {
        const std::size_t at = head.find("Content-Length: ");
        return at == std::string::npos ? 0 : std::strtoull(head.c_str() + at + 16, nullptr, 10);
    }

    outcome read_body(std::size_t size, std::size_t got, tally& total) {
        total.body_bytes += got;
        while (got < size) {
            if (const outcome more = receive(); more != outcome::whole) {
                return more;
            }
            got += received_;
            total.body_bytes += received_;
        }
        ++total.responses;
        return outcome::whole;
    }

    outcome receive() {
        for (;;) {
            if (steady::now() >= deadline_) {
                return outcome::out_of_time;
            }
            const ssize_t got = recv(fd_, buffer_.data(), buffer_.size(), 0);
            if (got > 0) {
                received_ = static_cast<std::size_t>(got);
                return outcome::whole;
            }
            if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
                return outcome::broken;
            }
        }
    }

    int fd_;
    steady::time_point deadline_;
    std::vector<char> buffer_ = std::vector<char>(std::size_t{256} << 10U);
    std::size_t received_ = 0;
};

outcome download(const order& wanted, tally& total) {
    const int fd = connect_to(wanted);
    const auto limit =
        std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>(wanted.seconds));
    response_reader reader(fd, steady::now() + limit);
    const std::string request =
        "GET " + wanted.path + " HTTP/1.1\r\nHost: " + wanted.host + "\r\n\r\n";
    outcome last = outcome::whole;
    while (total.responses < wanted.count && last == outcome::whole) {
        if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) {
            fail("send");
        }
        last = reader.read(total);
    }
    close(fd);
    return last;
}

}  // namespace

int main(int count, char** words) {
    if (count < 4) {
        std::fputs("usage: bench_download HOST PORT PATH [COUNT] [SECONDS]\n", stderr);
        return 2;
    }
    order wanted{.host = words[1],
                 .port = static_cast<std::uint16_t>(std::strtoul(words[2], nullptr, 10)),
                 .path = words[3]};
    if (count > 4) wanted.count = std::strtol(words[4], nullptr, 10);
    if (count > 5) wanted.seconds = std::strtod(words[5], nullptr);

    tally total;
    const auto start = steady::now();
    const outcome last = download(wanted, total);
    const std::chrono::duration<double> taken = steady::now() - start;
    std::printf("{\"responses\": %ld, \"body_bytes\": %zu, \"seconds\": %.6f}\n", total.responses,
                total.body_bytes, taken.count());
    return last == outcome::broken ? 1 : 0;
}
