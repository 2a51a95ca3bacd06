#include "filter/crew.h"

#include <new>
#include <system_error>
#include <utility>

#include "filter/loaded_input.h"

namespace sluice::inline v0 {

namespace {

result<void> encode(job& work, encoder& with, job_settings& settings) {
    auto input = loaded_input::of(work.plain);
    if (!input) return failure(std::move(input));
    auto before = loaded_input::of(work.dictionary);
    if (!before) return failure(std::move(before));

    output_blocks out(settings.pool, settings.output_block_bytes);
    plain_block block{.dictionary = before->parts(),
                      .parts = input->parts(),
                      .size = work.plain_bytes,
                      .last = work.last};
    if (auto done = with.encode(block, out); !done) return done;
    if (deflates(settings.which)) {
        for (auto part : input->parts())
            work.crc32 = crc32_of(part, work.crc32);
    }
    if (auto whole = input->check(); !whole) return whole;
    if (auto whole = before->check(); !whole) return whole;
    work.bytes_read = input->bytes_read() + before->bytes_read();
    work.encoded_capacity = out.capacity();
    work.encoded = out.take();
    return {};
}

}  // namespace

void run(job& work, encoder& with, job_settings& settings) noexcept {
    try {
        auto done = encode(work, with, settings);
        if (!done) work.failed = std::move(done).error();
        // Given back as early as can be, and in this thread.
        work.plain.clear();
        work.dictionary.clear();
    } catch (const std::bad_alloc&) {
        work.failed =
            error(std::error_code(ENOMEM, std::system_category()), compress_name(settings.which));
    }
}

result<std::unique_ptr<crew>> crew::start(job_settings settings,
                                          std::vector<std::unique_ptr<encoder>> encoders,
                                          std::function<void()> block_finished) {
    std::unique_ptr<crew> made(
        new crew(std::move(settings), std::move(encoders), std::move(block_finished)));
    try {
        for (auto& each : made->encoders_)
            made->threads_.emplace_back([&own = *each, crew = made.get()] { crew->serve(own); });
    } catch (const std::system_error& failed) {
        return std::unexpected(error(failed.code(), "start a thread", "of a filter"));
    }
    return made;
}

crew::crew(job_settings settings, std::vector<std::unique_ptr<encoder>> encoders,
           std::function<void()> block_finished)
    : settings_(std::move(settings)),
      encoders_(std::move(encoders)),
      block_finished_(std::move(block_finished)) {
    threads_.reserve(encoders_.size());
}

crew::~crew() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
        waiting_.clear();
    }
    wanted_.notify_all();
    for (auto& thread : threads_)
        thread.join();
}

void crew::submit(job& work) {
    {
        std::lock_guard lock(mutex_);
        waiting_.push_back(&work);
    }
    wanted_.notify_one();
}

bool crew::is_finished(const job& work) {
    std::lock_guard lock(mutex_);
    return work.finished;
}

void crew::wait_for(const job& work) {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return work.finished; });
}

void crew::serve(encoder& own) {
    std::unique_lock lock(mutex_);
    while (true) {
        wanted_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
        if (stopping_) return;
        auto* work = waiting_.front();
        waiting_.pop_front();
        lock.unlock();
        run(*work, own, settings_);
        lock.lock();
        work->finished = true;
        done_.notify_all();
        if (!block_finished_) continue;
        lock.unlock();
        block_finished_();
        lock.lock();
    }
}

}  // namespace sluice::inline v0
