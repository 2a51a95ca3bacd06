#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include <sluice/chain.h>
#include <sluice/filter.h>

#include "filter/codec.h"
#include "filter/crew.h"
#include "filter/stage.h"

namespace sluice::inline v0 {

namespace {

// The last `count` bytes of a chain, or all of it when it has fewer.
chain tail_of(const chain& whole, std::uint64_t count) {
    auto size = std::min(count, whole.size());
    return whole.slice(whole.size() - size, size);
}

// Lets the crew own slices of memory that is bound to the caller's thread.
void share(const chain& pieces) noexcept {
    for (const piece& part : pieces.pieces()) {
        if (const auto* memory = part.memory()) buffer_slice(*memory).share();
    }
}

// Cuts the input into blocks, has them compressed, and puts the outputs together in order.
class compressor final : public filter::stage {
  public:
    compressor(codec which, const filter_options& options)
        : codec_(which),
          block_bytes_(options.block_bytes),
          bound_(options.memory_bytes_max),
          settings_{.which = which,
                    .output_block_bytes = output_block_bytes(which, options.block_bytes),
                    .pool = *options.pool} {
        add_output_head();
    }

    [[nodiscard]] result<void> start(filter_options options) {
        std::vector<std::unique_ptr<encoder>> encoders;
        for (unsigned i = 0; i < options.threads; ++i) {
            auto made = make_encoder(codec_, options);
            if (!made) return failure(std::move(made));
            encoders.push_back(std::move(*made));
        }
        if (options.threads == 1) {
            own_ = std::move(encoders.front());
            return {};
        }
        auto started =
            crew::start(settings_, std::move(encoders), std::move(options.block_finished));
        if (!started) return failure(std::move(started));
        crew_ = std::move(*started);
        return {};
    }

    void flush() override { flush_bytes_ = input_.size(); }
    [[nodiscard]] std::uint32_t plain_crc32() const noexcept override { return crc32_; }

  protected:
    [[nodiscard]] result<filter_state> work() override {
        if (auto collected = collect(); !collected) return failure(std::move(collected));
        while (auto why_not = hindrance())
            return *why_not;
        begin_job();
        if (!crew_) {
            run(*jobs_.front(), *own_, settings_);
            jobs_.front()->finished = true;
        }
        return filter_state::more;
    }

    [[nodiscard]] bool in_background() const noexcept override { return crew_ != nullptr; }
    void wait() override { crew_->wait_for(*jobs_.front()); }

  private:
    void add_output_head() {
        chain head;
        head.append(stream_head(codec_));
        add_output(std::move(head), 0);
    }

    // Why there is no job to begin now, if so.
    [[nodiscard]] std::optional<filter_state> hindrance() const noexcept {
        if (complete_) return filter_state::done;
        // A whole block waits for more input, since it may be the last one.
        auto enough = finishing_ || flush_bytes_ > 0 || input_.size() > block_bytes_;
        if (last_begun_ || !enough)
            return jobs_.empty() ? filter_state::hungry : filter_state::working;
        if (statistics_.memory_bytes + memory_of_job() > bound_)
            return ready_.empty() ? filter_state::working : filter_state::full;
        return std::nullopt;
    }

    [[nodiscard]] std::size_t memory_of_job() const noexcept {
        return block_bytes_ + encoded_bytes_max(codec_, block_bytes_);
    }

    void begin_job() {
        auto next = std::make_unique<job>();
        auto size = std::min<std::uint64_t>(input_.size(), block_bytes_);
        if (flush_bytes_ > 0) size = std::min(size, flush_bytes_);
        next->memory_bytes = memory_of_job();
        next->plain_bytes = static_cast<std::size_t>(size);
        next->plain = input_.split_at(size);
        next->last = finishing_ && input_.empty();
        next->dictionary = std::exchange(before_, {});
        if (crew_) share(next->plain);
        before_ = tail_of(next->plain, dictionary_bytes(codec_));
        flush_bytes_ -= std::min(flush_bytes_, size);
        last_begun_ = next->last;
        hold(next->memory_bytes);
        jobs_.push_back(std::move(next));
        if (crew_) crew_->submit(*jobs_.back());
    }

    // Takes over what is finished, in order.
    [[nodiscard]] result<void> collect() {
        while (!jobs_.empty() && is_finished(*jobs_.front())) {
            auto finished = std::move(jobs_.front());
            jobs_.pop_front();
            let_go(finished->memory_bytes);
            if (finished->failed) return std::unexpected(*finished->failed);
            hold(finished->encoded_capacity);
            add_output(std::move(finished->encoded), finished->encoded_capacity);
            crc32_ = crc32_joined(crc32_, finished->crc32, finished->plain_bytes);
            statistics_.bytes_in += finished->plain_bytes;
            statistics_.bytes_read += finished->bytes_read;
            ++statistics_.blocks;
            if (finished->last) complete();
        }
        return {};
    }

    [[nodiscard]] bool is_finished(const job& work) {
        return crew_ ? crew_->is_finished(work) : work.finished;
    }

    void complete() {
        chain tail;
        tail.append(stream_tail(codec_, crc32_, statistics_.bytes_in));
        add_output(std::move(tail), 0);
        complete_ = true;
    }

    codec codec_;
    std::size_t block_bytes_;
    std::size_t bound_;
    job_settings settings_;
    std::uint64_t flush_bytes_ = 0;  // of the input, that must not wait for more
    chain before_;                   // the end of the block before the next one
    bool last_begun_ = false;
    std::uint32_t crc32_ = 0;
    std::deque<std::unique_ptr<job>> jobs_;
    std::unique_ptr<encoder> own_;  // without a crew
    std::unique_ptr<crew> crew_;    // goes first: its threads work on the jobs
};

}  // namespace

result<std::unique_ptr<filter::stage>> make_compressor(codec which, filter_options options) {
    auto made = std::make_unique<compressor>(which, options);
    if (auto started = made->start(std::move(options)); !started)
        return failure(std::move(started));
    return made;
}

}  // namespace sluice::inline v0
