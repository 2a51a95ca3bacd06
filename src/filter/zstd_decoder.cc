#include <bit>
#include <memory>

#include <zstd.h>
#include <zstd_errors.h>

#include "filter/codec.h"

namespace sluice::inline v0 {

namespace {

class zstd_decoder final : public decoder {
  public:
    explicit zstd_decoder(ZSTD_DCtx* context) noexcept : context_(context) {}

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
    struct freeing {
        void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
    };
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

    std::unique_ptr<ZSTD_DCtx, freeing> context_;
    bool ended_ = false;
};

}  // namespace

result<std::unique_ptr<decoder>> make_zstd_decoder(std::size_t window_bytes_max) {
    auto* context = ZSTD_createDCtx();
    if (context == nullptr) return failure(ENOMEM, "decompress zstd", "its state");
    auto made = std::make_unique<zstd_decoder>(context);
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, std::bit_width(window_bytes_max) - 1);
    return made;
}

}  // namespace sluice::inline v0
