#include <memory>
#include <utility>

#include <zstd.h>

#include "filter/codec.h"

namespace sluice::inline v0 {

namespace {

struct freeing {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};
using freed_context = std::unique_ptr<ZSTD_CCtx, freeing>;

class zstd_encoder final : public encoder {
  public:
    explicit zstd_encoder(freed_context context) noexcept : context_(std::move(context)) {}

    [[nodiscard]] result<void> encode(const plain_block& block, output_blocks& out) override {
        ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_only);
        ZSTD_CCtx_setPledgedSrcSize(context_.get(), block.size);
        for (const auto& part : block.parts) {
            auto last = &part == &block.parts.back();
            if (auto done = feed(part, last ? ZSTD_e_end : ZSTD_e_continue, out); !done)
                return done;
        }
        return block.parts.empty() ? feed({}, ZSTD_e_end, out) : result<void>();
    }

  private:
    [[nodiscard]] result<void> feed(bytes_view part, ZSTD_EndDirective directive,
                                    output_blocks& out) {
        ZSTD_inBuffer input{part.data(), part.size(), 0};
        while (true) {
            auto room = out.room(1);
            if (!room) return failure(std::move(room));
            ZSTD_outBuffer output{room->data(), room->size(), 0};
            auto left = ZSTD_compressStream2(context_.get(), &output, &input, directive);
            if (ZSTD_isError(left) != 0)
                return failure(ENOMEM, "compress zstd", ZSTD_getErrorName(left));
            out.commit(output.pos);
            if (directive == ZSTD_e_end ? left == 0 : input.pos == input.size) return {};
        }
    }

    freed_context context_;
};

}  // namespace

result<std::unique_ptr<encoder>> make_zstd_encoder(int level) {
    freed_context context(ZSTD_createCCtx());
    if (!context) return failure(ENOMEM, "compress zstd", "its state");
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
    return std::make_unique<zstd_encoder>(std::move(context));
}

}  // namespace sluice::inline v0
