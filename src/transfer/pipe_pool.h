// pipe_pool.h: empty pipes that are kept for the next splice.
//
// Making a pipe, giving it room and closing it costs more than most splices. Each thread keeps a
// few.
#pragma once

#include <sluice/result.h>

#include "sys/descriptors.h"

namespace sluice::inline v0 {

// A pipe on loan; goes back to the pool of the thread that drops it.
class pooled_pipe {
  public:
    // Takes one from the calling thread's pool, else makes one.
    [[nodiscard]] static result<pooled_pipe> take();
    pooled_pipe(pooled_pipe&&) noexcept = default;
    pooled_pipe& operator=(pooled_pipe&&) noexcept = default;
    ~pooled_pipe();

    [[nodiscard]] int read_end() const noexcept { return ends_.read_end.get(); }
    [[nodiscard]] int write_end() const noexcept { return ends_.write_end.get(); }
    [[nodiscard]] std::size_t capacity() const noexcept { return ends_.capacity; }
    // The pipe holds bytes, or may: dropped now it is closed and not kept, since they would get
    // into the next transfer. Said as the bytes come, so that it holds whatever is thrown then.
    void spoil() noexcept { spoilt_ = true; }
    // They have all been taken.
    void found_empty() noexcept { spoilt_ = false; }

  private:
    explicit pooled_pipe(sys::pipe_ends ends) noexcept : ends_(std::move(ends)) {}

    sys::pipe_ends ends_;
    bool spoilt_ = false;
};

}  // namespace sluice::inline v0
