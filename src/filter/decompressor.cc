#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <sluice/chain.h>
#include <sluice/filter.h>

#include "filter/codec.h"
#include "filter/loaded_input.h"
#include "filter/stage.h"

namespace sluice::inline v0 {

namespace {

constexpr std::size_t input_bytes_max = std::size_t{256} << 10;  // loaded at a time
constexpr std::size_t output_bytes = std::size_t{128} << 10;     // a block of output

// Fills one block of output a step.
class decompressor final : public filter::stage {
  public:
    decompressor(codec which, const filter_options& options, std::unique_ptr<decoder> made)
        : codec_(which),
          bound_(options.memory_bytes_max),
          output_bytes_max_(options.output_bytes_max),
          pool_(*options.pool),
          decoder_(std::move(made)) {
        hold(input_bytes_max);
    }

  protected:
    [[nodiscard]] result<filter_state> work() override {
        if (complete_) return filter_state::done;
        if (statistics_.memory_bytes + output_bytes > bound_) return filter_state::full;
        if (!finishing_ && rest_.empty() && input_.empty() && !block_was_full_)
            return filter_state::hungry;
        output_blocks out(pool_, output_bytes);
        if (auto filled = fill(out); !filled) return failure(std::move(filled));
        block_was_full_ = out.size() == output_bytes;
        if (out.size() > 0) add_block(out);
        if (statistics_.bytes_out > output_bytes_max_)
            return failed(EFBIG, "more output than output_bytes_max");
        return block_was_full_ || !finishing_ ? filter_state::more : end();
    }

  private:
    // Decodes until the block is full, or there is no input and nothing left inside.
    [[nodiscard]] result<void> fill(output_blocks& out) {
        while (out.size() < output_bytes) {
            if (auto loaded = load_next(); !loaded) return loaded;
            auto room = out.room(output_bytes - out.size());
            if (!room) return failure(std::move(room));
            decoder::progress done;
            auto decoded = decoder_->decode(rest_, room->first(output_bytes - out.size()), done);
            rest_ = rest_.subspan(done.consumed);
            statistics_.bytes_in += done.consumed;
            if (!decoded) return explained(decoded.error());
            out.commit(done.produced);
            if (done.consumed > 0 || done.produced > 0) continue;
            if (!rest_.empty()) return failed(EBADMSG, "the codec does not go on");
            if (input_.empty()) return {};
        }
        return {};
    }

    // Makes the next piece of input readable when the last one is used up.
    [[nodiscard]] result<void> load_next() {
        if (!rest_.empty()) return {};
        if (auto whole = current_.check(); !whole) return whole;
        current_ = {};
        if (input_.empty()) return {};
        auto size = std::min<std::uint64_t>(size_of(input_.pieces().front()), input_bytes_max);
        auto loaded = loaded_input::of(input_.split_at(size));
        if (!loaded) return failure(std::move(loaded));
        current_ = std::move(*loaded);
        rest_ = current_.parts().front();
        statistics_.bytes_read += current_.bytes_read();
        return {};
    }

    // Why data made no sense: perhaps it is not that of the file, whose lost bytes read as zeros.
    [[nodiscard]] result<void> explained(const error& of_codec) const {
        if (auto whole = current_.check(); !whole) return whole;
        return failed(of_codec.code().value(), of_codec.object());
    }

    void add_block(output_blocks& out) {
        ++statistics_.blocks;
        auto capacity = out.capacity();
        hold(capacity);
        add_output(out.take(), capacity);
    }

    // All input has been through.
    [[nodiscard]] result<filter_state> end() {
        if (auto whole = current_.check(); !whole) return failure(std::move(whole));
        if (!decoder_->may_end()) return failed(ENODATA, "ends in the middle");
        complete_ = true;
        return filter_state::done;
    }

    [[nodiscard]] std::unexpected<error> failed(int errno_value, const std::string& reason) const {
        return failure(errno_value, decompress_name(codec_),
                       "input byte " + std::to_string(statistics_.bytes_in) + ": " + reason);
    }

    codec codec_;
    std::size_t bound_;
    std::uint64_t output_bytes_max_;
    buffer_pool pool_;
    std::unique_ptr<decoder> decoder_;
    loaded_input current_;
    bytes_view rest_;  // of it, that has not been decoded
    bool block_was_full_ = false;
};

}  // namespace

result<std::unique_ptr<filter::stage>> make_decompressor(codec which, filter_options options) {
    constexpr auto needed = input_bytes_max + output_bytes;
    if (options.memory_bytes_max == 0) options.memory_bytes_max = needed + 4 * output_bytes;
    if (options.memory_bytes_max < needed)
        return failure(EINVAL, decompress_name(which), "memory_bytes_max");
    auto made = make_decoder(which, options);
    if (!made) return failure(std::move(made));
    return std::make_unique<decompressor>(which, options, std::move(*made));
}

}  // namespace sluice::inline v0
