// Keeps the end of a stream in memory that must not grow: as many blocks as the budget allows, the
// oldest of which goes when there is no room for the next.
//
//     journalctl -f | pool_with_budget 8 > last-8-MiB      (MiB; writes when the input ends)
#include <cerrno>
#include <deque>
#include <iostream>
#include <string>

#include <poll.h>
#include <unistd.h>

#include <sluice/buffer_pool.h>
#include <sluice/memory_budget.h>
#include <sluice/transfer.h>

namespace {

constexpr std::size_t block_size = 64 * 1024;

// A block from the pool; when the budget refuses, the oldest ones make room for it.
sluice::result<sluice::buffer> next_block(sluice::buffer_pool& pool,
                                          std::deque<sluice::buffer_slice>& kept) {
    while (true) {
        auto block = pool.allocate(block_size);
        if (block || !block.error().is(ENOMEM) || kept.empty()) return block;
        kept.pop_front();  // its memory is the pool's again as the slice goes
    }
}

sluice::result<std::uint64_t> keep_the_end_of(int fd, sluice::buffer_pool& pool,
                                              std::deque<sluice::buffer_slice>& kept) {
    std::uint64_t seen = 0;
    while (true) {
        auto block = next_block(pool, kept);
        if (!block) return sluice::failure(std::move(block));
        while (block->size() < block_size) {
            auto room = block->tailroom();
            auto count = read(fd, room.data(), std::min(room.size(), block_size - block->size()));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return sluice::failure(errno, "read", "standard input");
            if (count == 0) break;
            block->commit(static_cast<std::size_t>(count));
        }
        seen += block->size();
        if (block->size() == 0) return seen;
        bool last = block->size() < block_size;
        kept.push_back(std::move(*block).freeze());
        if (last) return seen;
    }
}

sluice::result<void> write_out(std::deque<sluice::buffer_slice> kept, int fd) {
    auto to = sluice::sink::of(fd);
    if (!to) return sluice::failure(std::move(to));
    sluice::transfer out(*to);
    for (auto& block : kept) out.pieces().append(std::move(block));
    kept.clear();
    while (!out.pieces().empty()) {
        auto moved = out.step();
        if (!moved) return sluice::failure(std::move(moved));
        if (moved->state == sluice::progress_state::would_block) {
            pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
            poll(&ready, 1, -1);
        }
    }
    return {};
}

sluice::result<void> run(std::size_t limit) {
    sluice::memory_budget budget("the end of the input", limit);
    sluice::buffer_pool pool({.budget = &budget});
    std::deque<sluice::buffer_slice> kept;
    auto seen = keep_the_end_of(STDIN_FILENO, pool, kept);
    if (!seen) return sluice::failure(std::move(seen));
    auto full = pool.statistics();
    std::cerr << "read " << *seen << " bytes, kept " << kept.size() << " blocks\n"
              << "the pool took " << full.reserved_peak << " bytes of " << limit
              << " and was refused more " << budget.refusals() << " times\n";
    if (auto written = write_out(std::move(kept), STDOUT_FILENO); !written) return written;
    pool.trim();
    std::cerr << "given back: " << budget.used() << " bytes left\n";
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: pool_with_budget MIB\n";
        return 2;
    }
    auto done = run(std::stoul(argv[1]) << 20);
    if (!done) {
        std::cerr << "pool_with_budget: " << done.error().message() << "\n";
        return 1;
    }
}
