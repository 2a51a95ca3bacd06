// crew.h: a few threads that compress blocks side by side.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <sluice/buffer_pool.h>
#include <sluice/chain.h>
#include <sluice/result.h>

#include "filter/codec.h"

namespace sluice::inline v0 {

// A block on its way through the codec. `finished` is guarded by the crew, and says who the rest
// belongs to.
struct job {
    chain plain;
    chain dictionary;
    std::size_t plain_bytes = 0;
    std::size_t memory_bytes = 0;  // that it may take at most
    bool last = false;

    chain encoded;
    std::size_t encoded_capacity = 0;
    std::uint32_t crc32 = 0;
    std::uint64_t bytes_read = 0;
    std::optional<error> failed;
    bool finished = false;
};

// What all jobs of a filter share.
struct job_settings {
    codec which;
    std::size_t output_block_bytes;
    buffer_pool pool;
};

// Runs one job: loads its input, compresses and sums it up. Never throws.
void run(job& work, encoder& with, job_settings& settings) noexcept;

class crew {
  public:
    // One thread for each encoder. EAGAIN when the system has no more threads.
    [[nodiscard]] static result<std::unique_ptr<crew>> start(
        job_settings settings, std::vector<std::unique_ptr<encoder>> encoders,
        std::function<void()> block_finished);
    crew(const crew&) = delete;
    crew& operator=(const crew&) = delete;
    // Waits for the jobs that have been begun, and drops the others.
    ~crew();

    // The job must stay where it is until it is finished, or the crew is gone.
    void submit(job& work);
    [[nodiscard]] bool is_finished(const job& work);
    void wait_for(const job& work);

  private:
    crew(job_settings settings, std::vector<std::unique_ptr<encoder>> encoders,
         std::function<void()> block_finished);
    void serve(encoder& own);

    job_settings settings_;
    std::vector<std::unique_ptr<encoder>> encoders_;
    std::function<void()> block_finished_;

    std::mutex mutex_;
    std::condition_variable wanted_;
    std::condition_variable done_;
    std::deque<job*> waiting_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace sluice::inline v0
