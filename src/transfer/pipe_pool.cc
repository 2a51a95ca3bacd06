#include "transfer/pipe_pool.h"

#include <array>

namespace sluice::inline v0 {

namespace {

constexpr std::size_t idle_pipes_max = 8;       // for each thread
constexpr std::size_t pipe_size = 1024 * 1024;  // fs.pipe-max-size for the unprivileged

// Of fixed size: pipes come back in destructors, where nothing may be allocated.
struct idle_list {
    std::array<sys::pipe_ends, idle_pipes_max> pipes;
    std::size_t count = 0;
};
thread_local idle_list idle;

}  // namespace

result<pooled_pipe> pooled_pipe::take() {
    if (idle.count > 0) return pooled_pipe(std::move(idle.pipes[--idle.count]));
    auto made = sys::make_pipe(pipe_size);
    if (!made) return failure(std::move(made));
    return pooled_pipe(*std::move(made));
}

pooled_pipe::~pooled_pipe() {
    bool moved_from = !ends_.read_end;
    if (moved_from || spoilt_ || idle.count == idle_pipes_max) return;
    idle.pipes[idle.count++] = std::move(ends_);
}

}  // namespace sluice::inline v0
