#include "transfer/pipe_pool.h"

#include <vector>

namespace sluice::inline v0 {

namespace {

constexpr std::size_t idle_pipes_max = 8;       // for each thread
constexpr std::size_t pipe_size = 1024 * 1024;  // fs.pipe-max-size for the unprivileged

thread_local std::vector<sys::pipe_ends> idle_pipes;

}  // namespace

result<pooled_pipe> pooled_pipe::take() {
    if (!idle_pipes.empty()) {
        pooled_pipe taken(std::move(idle_pipes.back()));
        idle_pipes.pop_back();
        return taken;
    }
    auto made = sys::make_pipe(pipe_size);
    if (!made) return failure(std::move(made));
    return pooled_pipe(*std::move(made));
}

pooled_pipe::~pooled_pipe() {
    bool moved_from = !ends_.read_end;
    if (moved_from || spoilt_ || idle_pipes.size() >= idle_pipes_max) return;
    idle_pipes.push_back(std::move(ends_));
}

}  // namespace sluice::inline v0
