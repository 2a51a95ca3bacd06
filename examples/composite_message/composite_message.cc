// Builds a message from a head, a file and a trailer, and writes it to standard output. The file's
// bytes are never in this program.
//
//     composite_message photo.jpg > message
//
//     ┌────────────┬─────────────┬──────┬─────────────────┬─────────┐
//     │ size, 4 BE │ name length │ name │ the file's bytes│ trailer │
//     └────────────┴─────────────┴──────┴─────────────────┴─────────┘
//        headroom      varint      └ memory ┘    file        static
#include <csignal>
#include <iostream>
#include <string>

#include <poll.h>
#include <unistd.h>

#include <sluice/buffer.h>
#include <sluice/chain.h>
#include <sluice/chain_cursor.h>
#include <sluice/transfer.h>

namespace {

sluice::result<sluice::chain> message_of(const std::string& path) {
    auto body = sluice::file::open(path);
    if (!body) return sluice::failure(std::move(body));
    auto size = body->size();
    if (!size) return sluice::failure(std::move(size));
    auto trailer = sluice::buffer_slice::of_static("\n-- end\n");

    sluice::buffer head(64, sizeof(std::uint32_t));  // room for the size, which is known last
    head.append_varint(path.size());
    head.append(path);
    auto total = head.size() + *size + trailer.size();
    if (total > UINT32_MAX) return sluice::failure(EFBIG, "send", path);
    head.prepend_be(static_cast<std::uint32_t>(total));

    sluice::chain message;
    message.append(std::move(head).freeze());
    message.append(body->region(0, *size));
    message.append(std::move(trailer));
    return message;
}

// Reads across the pieces what a receiver would read.
void describe(const sluice::chain& message) {
    sluice::chain_cursor at(message);
    auto size = at.read_be<std::uint32_t>();
    auto name_size = at.read_varint();
    if (!size || !name_size) return;
    std::string name(*name_size, '\0');
    at.read(std::as_writable_bytes(std::span(name)));
    auto end = at.find("\n-- end\n");  // reads the file
    std::cerr << name << ": " << *size << " bytes, " << message.pieces().size()
              << " pieces, trailer at " << end.value_or(0) << "\n";
}

sluice::result<void> send(sluice::chain message, int fd) {
    auto to = sluice::sink::of(fd);
    if (!to) return sluice::failure(std::move(to));
    sluice::transfer_options options;
    options.check_residency = false;  // nobody else is waiting: step() may wait for the disk
    sluice::transfer out(*to, options);
    out.pieces() = std::move(message);
    while (!out.pieces().empty()) {
        auto moved = out.step();
        if (!moved) return sluice::failure(std::move(moved));
        if (moved->state == sluice::progress_state::source_truncated) {
            return sluice::failure(EIO, "send", out.truncated_file());
        }
        if (moved->state == sluice::progress_state::would_block) {
            pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
            poll(&ready, 1, -1);
        }
    }
    auto cost = out.costs().total();
    std::cerr << cost.copied_user_kernel + cost.copied_user << " of " << cost.bytes
              << " bytes copied\n";
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: composite_message FILE\n";
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    auto message = message_of(argv[1]);
    if (message) describe(*message);
    auto sent = message ? send(std::move(*message), STDOUT_FILENO)
                        : sluice::failure(std::move(message));
    if (!sent) {
        std::cerr << "composite_message: " << sent.error().message() << "\n";
        return 1;
    }
}
