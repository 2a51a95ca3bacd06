#include <algorithm>
#include <array>
#include <new>
#include <span>

#include <sluice/buffer.h>
#include <sluice/filter.h>

#include "filter/codec.h"

namespace sluice::inline v0 {

namespace {

constexpr std::size_t samples_max = 8;
constexpr std::size_t sample_bytes = 4096;

// Takes samples and sums up what became of them.
class sampler {
  public:
    [[nodiscard]] static result<sampler> make() {
        auto made = make_encoder(codec::deflate, {.level = filter_level::fastest});
        if (!made) return failure(std::move(made));
        return sampler(std::move(*made));
    }

    [[nodiscard]] result<void> add(bytes_view sample) {
        output_blocks out(shared_pool(), 2 * sample_bytes);
        plain_block block{.dictionary = {}, .parts = {&sample, 1}, .size = sample.size()};
        if (auto done = encoder_->encode(block, out); !done) return done;
        plain_bytes_ += sample.size();
        encoded_bytes_ += out.size();
        return {};
    }

    [[nodiscard]] compressibility found() const noexcept {
        if (plain_bytes_ == 0) return {};
        return {.ratio = static_cast<double>(encoded_bytes_) / static_cast<double>(plain_bytes_),
                .sampled_bytes = plain_bytes_};
    }

  private:
    explicit sampler(std::unique_ptr<encoder> made) noexcept : encoder_(std::move(made)) {}

    std::unique_ptr<encoder> encoder_;
    std::uint64_t plain_bytes_ = 0;
    std::uint64_t encoded_bytes_ = 0;
};

// Calls take(position, count) for each sample of `size` bytes, from the first to the last byte.
template <typename Take>
result<compressibility> sample_all(std::uint64_t size, Take take) try {
    auto made = sampler::make();
    if (!made) return failure(std::move(made));
    auto whole = size <= samples_max * sample_bytes;
    auto samples = whole ? (size + sample_bytes - 1) / sample_bytes : samples_max;
    for (std::uint64_t i = 0; i < samples; ++i) {
        auto position = whole ? i * sample_bytes : (size - sample_bytes) / (samples - 1) * i;
        auto count = std::min<std::uint64_t>(sample_bytes, size - position);
        if (auto taken = take(*made, position, static_cast<std::size_t>(count)); !taken)
            return failure(std::move(taken));
    }
    return made->found();
} catch (const std::bad_alloc&) {
    return failure(ENOMEM, "sample");
}

}  // namespace

result<compressibility> worth_compressing(bytes_view data) {
    return sample_all(data.size(), [&](sampler& samples, std::uint64_t at, std::size_t count) {
        return samples.add(data.subspan(at, count));
    });
}

result<compressibility> worth_compressing(const file_region& region) {
    std::array<std::byte, sample_bytes> room;
    return sample_all(region.size(), [&](sampler& samples, std::uint64_t at, std::size_t count) {
        auto to = writable_bytes(room).first(count);
        auto read = region.source().read_at(region.position() + at, to);
        if (!read) return result<void>(failure(std::move(read)));
        return *read == 0 ? result<void>() : samples.add(to.first(*read));
    });
}

}  // namespace sluice::inline v0
