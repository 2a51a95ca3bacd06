#include <bit>
#include <cassert>
#include <new>
#include <utility>

#include <sluice/filter.h>

#include "filter/codec.h"
#include "filter/stage.h"

namespace sluice::inline v0 {

namespace {

constexpr std::size_t block_bytes_min = 4096;
constexpr std::size_t block_bytes_max = std::size_t{4} << 20;
constexpr unsigned threads_max = 1024;

std::unexpected<error> unfit(std::string_view operation, const char* option) {
    return failure(EINVAL, operation, option);
}

// What one block needs.
std::size_t memory_of_block(codec which, std::size_t block_bytes) noexcept {
    return block_bytes + encoded_bytes_max(which, block_bytes);
}

result<filter_options> completed(codec which, filter_options options) {
    auto operation = compress_name(which);
    if (options.block_bytes == 0) options.block_bytes = usual_block_bytes(which);
    if (options.block_bytes < block_bytes_min || options.block_bytes > block_bytes_max)
        return unfit(operation, "block_bytes");
    if (options.threads == 0 || options.threads > threads_max) return unfit(operation, "threads");
    if (!has_level(which, options.level)) return unfit(operation, "level");
    auto needed = memory_of_block(which, options.block_bytes);
    // Twice the threads, so that each finds its next block when it has finished one.
    if (options.memory_bytes_max == 0)
        options.memory_bytes_max = (options.threads == 1 ? 2 : 2 * options.threads) * needed;
    if (options.memory_bytes_max < needed) return unfit(operation, "memory_bytes_max");
    return options;
}

}  // namespace

std::string_view name_of(filter_state state) noexcept {
    switch (state) {
        case filter_state::more:
            return "more";
        case filter_state::working:
            return "working";
        case filter_state::hungry:
            return "hungry";
        case filter_state::full:
            return "full";
        case filter_state::done:
            return "done";
    }
    return "unknown";
}

result<filter> filter::compressor(codec which, filter_options options) {
    auto fit = completed(which, std::move(options));
    if (!fit) return failure(std::move(fit));
    try {
        if (!fit->pool) fit->pool = shared_pool();
        auto made = make_compressor(which, std::move(*fit));
        if (!made) return failure(std::move(made));
        return filter(std::move(*made));
    } catch (const std::bad_alloc&) {
        return failure(ENOMEM, compress_name(which));
    }
}

result<filter> filter::decompressor(codec which, filter_options options) {
    if (!std::has_single_bit(options.window_bytes_max) || options.window_bytes_max < 1024)
        return unfit(decompress_name(which), "window_bytes_max");
    try {
        if (!options.pool) options.pool = shared_pool();
        auto made = make_decompressor(which, std::move(options));
        if (!made) return failure(std::move(made));
        return filter(std::move(*made));
    } catch (const std::bad_alloc&) {
        return failure(ENOMEM, decompress_name(which));
    }
}

filter::filter(std::unique_ptr<stage> work) noexcept : work_(std::move(work)) {}
filter::filter(filter&& other) noexcept = default;
filter& filter::operator=(filter&& other) noexcept = default;
filter::~filter() = default;

void filter::append(buffer_slice memory) {
    chain input;
    input.append(std::move(memory));
    append(std::move(input));
}

void filter::append(file_region region) {
    chain input;
    input.append(std::move(region));
    append(std::move(input));
}

void filter::append(chain&& input) {
    assert(!work_->finishing());
    work_->append(std::move(input));
}

void filter::flush() {
    work_->flush();
}

void filter::finish() {
    work_->finish();
}

result<filter_state> filter::step() {
    return work_->step();
}

result<chain> filter::pull(std::uint64_t bytes_max) {
    return work_->pull(bytes_max);
}

std::uint64_t filter::ready_bytes() const noexcept {
    return work_->ready_bytes();
}

bool filter::done() const noexcept {
    return work_->done();
}

std::uint32_t filter::plain_crc32() const noexcept {
    return work_->plain_crc32();
}

filter_statistics filter::statistics() const noexcept {
    return work_->statistics();
}

}  // namespace sluice::inline v0
