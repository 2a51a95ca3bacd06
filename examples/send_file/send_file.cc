// Sends a file to standard output, whatever that is, and says what it cost.
//
//     send_file movie.mkv | wc -c
//     send_file movie.mkv > copy.mkv
#include <iostream>
#include <string>

#include <poll.h>
#include <unistd.h>

#include <sluice/file.h>
#include <sluice/file_region.h>
#include <sluice/transfer.h>

namespace {

void wait_until_writable(int fd) {
    pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
    poll(&ready, 1, -1);
}

// Steps until the chain is empty. A server would do something else meanwhile; this program waits.
sluice::result<void> finish(sluice::transfer& out, int fd) {
    using state = sluice::progress_state;
    while (true) {
        auto moved = out.step();
        if (!moved) return sluice::failure(std::move(moved));
        switch (moved->state) {
            case state::done:
                return {};
            case state::more:
                break;
            case state::would_block:
                wait_until_writable(fd);
                break;
            case state::cold:
                if (auto warmed = warm(*out.cold_region()); !warmed) return warmed;
                out.warmed();
                break;
            case state::source_truncated:
                return sluice::failure(EIO, "send", out.truncated_file() + " (it has shrunk)");
        }
    }
}

void print_costs(const sluice::transfer& out) {
    auto plan = out.last_plan();
    auto cost = out.costs().total();
    std::cerr << "plan:   " << name_of(plan.way) << " (" << text_of(plan.reason) << ")\n"
              << "bytes:  " << cost.bytes << "\n"
              << "copied: " << cost.copied_user_kernel + cost.copied_user << "\n"
              << "calls:  " << cost.calls << "\n";
}

sluice::result<void> send(const std::string& path, int fd) {
    auto source = sluice::file::open(path);
    if (!source) return sluice::failure(std::move(source));
    auto size = source->size();
    if (!size) return sluice::failure(std::move(size));
    auto to = sluice::sink::of(fd);
    if (!to) return sluice::failure(std::move(to));

    sluice::transfer out(*to);
    out.pieces().append(source->region(0, *size));
    if (auto sent = finish(out, fd); !sent) return sent;
    print_costs(out);
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: send_file FILE\n";
        return 2;
    }
    if (auto sent = send(argv[1], STDOUT_FILENO); !sent) {
        std::cerr << "send_file: " << sent.error().message() << "\n";
        return 1;
    }
    return 0;
}
