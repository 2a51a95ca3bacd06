#include <memory>
#include <utility>

#include <lz4frame.h>

#include "filter/codec.h"

namespace sluice::inline v0 {

namespace {

struct freeing {
    void operator()(LZ4F_dctx* context) const noexcept { LZ4F_freeDecompressionContext(context); }
};
using freed_context = std::unique_ptr<LZ4F_dctx, freeing>;

class lz4_decoder final : public decoder {
  public:
    explicit lz4_decoder(freed_context context) noexcept : context_(std::move(context)) {}

    [[nodiscard]] result<void> decode(bytes_view input, writable_bytes room,
                                      progress& done) override {
        done = {};
        while (done.produced < room.size()) {
            auto taken = input.size() - done.consumed;
            auto made = room.size() - done.produced;
            // Between frames a call without input would begin another one.
            if (ended_ && taken == 0) return {};
            auto left = LZ4F_decompress(context_.get(), room.data() + done.produced, &made,
                                        input.data() + done.consumed, &taken, nullptr);
            if (LZ4F_isError(left) != 0)
                return failure(EBADMSG, "decompress", LZ4F_getErrorName(left));
            done.consumed += taken;
            done.produced += made;
            ended_ = left == 0;
            if (taken == 0 && made == 0) return {};
        }
        return {};
    }

    [[nodiscard]] bool may_end() const noexcept override { return ended_; }

  private:
    freed_context context_;
    bool ended_ = false;
};

}  // namespace

result<std::unique_ptr<decoder>> make_lz4_decoder() {
    LZ4F_dctx* context = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) != 0)
        return failure(ENOMEM, "decompress lz4", "its state");
    freed_context owned(context);
    return std::make_unique<lz4_decoder>(std::move(owned));
}

}  // namespace sluice::inline v0
