#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include <zstd.h>
#include <zstd_errors.h>

#include "filter/codec.h"

namespace sluice::inline v0 {

namespace {

struct freeing {
    void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};
using freed_context = std::unique_ptr<ZSTD_DCtx, freeing>;

class zstd_decoder final : public decoder {
  public:
    explicit zstd_decoder(freed_context context) noexcept : context_(std::move(context)) {}

    [[nodiscard]] result<void> decode(bytes_view input, writable_bytes room,
                                      progress& done) override {
        ZSTD_inBuffer in{input.data(), input.size(), 0};
        ZSTD_outBuffer out{room.data(), room.size(), 0};
        std::size_t left = 0;
        do {
            // Between frames a call without input would begin another one.
            if (ended_ && in.pos == in.size) break;
            auto before = in.pos + out.pos;
            left = ZSTD_decompressStream(context_.get(), &out, &in);
            if (ZSTD_isError(left) != 0) break;
            ended_ = left == 0;
            if (in.pos + out.pos == before) break;
        } while (out.pos < out.size);
        done = {.consumed = in.pos, .produced = out.pos};
        if (ZSTD_isError(left) == 0) return {};
        return failure(errno_of(left), "decompress", ZSTD_getErrorName(left));
    }

    [[nodiscard]] bool may_end() const noexcept override { return ended_; }

  private:
    [[nodiscard]] static int errno_of(std::size_t code) noexcept {
        switch (ZSTD_getErrorCode(code)) {
            case ZSTD_error_memory_allocation:
                return ENOMEM;
            case ZSTD_error_frameParameter_windowTooLarge:
                return EFBIG;
            default:
                return EBADMSG;
        }
    }

    freed_context context_;
    bool ended_ = false;
};

}  // namespace

result<std::unique_ptr<decoder>> make_zstd_decoder(std::size_t window_bytes_max) {
    freed_context owned(ZSTD_createDCtx());
    auto* context = owned.get();
    if (context == nullptr) return failure(ENOMEM, "decompress zstd", "its state");
    auto made = std::make_unique<zstd_decoder>(std::move(owned));
    auto bounds = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);
    auto bits = std::clamp(static_cast<int>(std::bit_width(window_bytes_max)) - 1,
                           bounds.lowerBound, bounds.upperBound);
    auto set = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, bits);
    if (ZSTD_isError(set) != 0) return failure(EINVAL, "decompress zstd", "window_bytes_max");
    return made;
}

}  // namespace sluice::inline v0
