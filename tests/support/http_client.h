// http_client.h: a connection to a server in the same process, without a library in between.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <sluice/unique_fd.h>

#include "net/address.h"

namespace sluice::support {

// Blocks, at most 20 s each time. Its own calls go past the fault injector.
class http_client {
  public:
    // `bound` as a server prints it: "127.0.0.1:8080".
    explicit http_client(const std::string& bound, int receive_buffer = 0) {
        auto address = net::parse_address(bound);
        EXPECT_TRUE(address) << bound;
        socket_.reset(::socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        timeval limit{.tv_sec = 20, .tv_usec = 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        if (receive_buffer > 0)
            ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer,
                         sizeof receive_buffer);
        EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address->storage),
                            address->size),
                  0);
    }

    void send(std::string_view text) {
        while (!text.empty()) {
            auto count = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (count <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(count));
        }
    }
    void get(const std::string& path, const std::string& fields = {}) {
        send("GET " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
    }
    void end_sending() { ::shutdown(socket_.get(), SHUT_WR); }

    struct response {
        int status = 0;
        std::string head;
        std::string body;
        bool whole = false;  // as long as it said
    };
    // One response. Interim ones (100) come as one of their own.
    response read() {
        response made;
        while (input_.find("\r\n\r\n") == std::string::npos) {
            if (!receive()) return made;
        }
        auto end = input_.find("\r\n\r\n") + 4;
        made.head = input_.substr(0, end);
        made.status = made.head.size() > 12 ? std::stoi(made.head.substr(9, 3)) : 0;
        input_.erase(0, end);
        auto wanted = length_of(made.head);
        while (input_.size() < wanted && receive()) {
        }
        made.whole = input_.size() >= wanted;
        made.body = input_.substr(0, wanted);
        input_.erase(0, made.body.size());
        return made;
    }
    response fetch(const std::string& path, const std::string& fields = {}) {
        get(path, fields);
        return read();
    }
    // Everything up to the end; a reset ends it too.
    std::string read_to_end() {
        while (receive()) {
        }
        return std::exchange(input_, {});
    }

  private:
    static std::size_t length_of(const std::string& head) {
        auto at = head.find("Content-Length: ");
        return at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
    }
    bool receive() {
        std::string room(65536, '\0');
        auto count = ::recv(socket_.get(), room.data(), room.size(), 0);
        if (count <= 0) return false;
        input_.append(room, 0, static_cast<std::size_t>(count));
        return true;
    }

    unique_fd socket_;
    std::string input_;
};

}  // namespace sluice::support
