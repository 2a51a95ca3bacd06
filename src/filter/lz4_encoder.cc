#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <lz4frame.h>

#include "filter/codec.h"

namespace sluice::inline v0 {

namespace {

// The largest LZ4 block within a block of ours. Larger ones gain little.
constexpr std::size_t lz4_block_bytes = std::size_t{64} << 10;

LZ4F_preferences_t preferences(int level) noexcept {
    LZ4F_preferences_t chosen{};
    chosen.frameInfo.blockSizeID = LZ4F_max64KB;
    chosen.frameInfo.blockMode = LZ4F_blockIndependent;
    // Not one of all the content, which would need all the blocks in order.
    chosen.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled;
    chosen.compressionLevel = level;
    return chosen;
}

struct freeing {
    void operator()(LZ4F_cctx* context) const noexcept { LZ4F_freeCompressionContext(context); }
};
using freed_context = std::unique_ptr<LZ4F_cctx, freeing>;

class lz4_encoder final : public encoder {
  public:
    lz4_encoder(freed_context context, int level) noexcept
        : context_(std::move(context)), preferences_(preferences(level)) {}

    // A frame's blocks are the same in any frame, so each block of ours is begun as a frame of its
    // own, whose head is dropped.
    [[nodiscard]] result<void> encode(const plain_block& block, output_blocks& out) override {
        std::array<std::byte, LZ4F_HEADER_SIZE_MAX> head{};
        auto begun = LZ4F_compressBegin(context_.get(), head.data(), head.size(), &preferences_);
        if (LZ4F_isError(begun) != 0) return failed(begun);
        for (auto part : block.parts) {
            while (!part.empty()) {
                auto slice = part.first(std::min(part.size(), lz4_block_bytes));
                if (auto done = feed(slice, out); !done) return done;
                part = part.subspan(slice.size());
            }
        }
        // Whole blocks have left already, and a flush would ask for room all the same.
        return block.size % lz4_block_bytes == 0 ? result<void>() : feed({}, out);
    }

  private:
    [[nodiscard]] static result<void> failed(std::size_t code) {
        return failure(ENOMEM, "compress lz4", LZ4F_getErrorName(code));
    }

    // Compresses a part, or what is left inside when there is none.
    [[nodiscard]] result<void> feed(bytes_view part, output_blocks& out) {
        auto room = out.room(LZ4F_compressBound(part.size(), &preferences_));
        if (!room) return failure(std::move(room));
        auto written = part.empty()
                           ? LZ4F_flush(context_.get(), room->data(), room->size(), nullptr)
                           : LZ4F_compressUpdate(context_.get(), room->data(), room->size(),
                                                 part.data(), part.size(), nullptr);
        if (LZ4F_isError(written) != 0) return failed(written);
        out.commit(written);
        return {};
    }

    freed_context context_;
    LZ4F_preferences_t preferences_;
};

}  // namespace

result<std::unique_ptr<encoder>> make_lz4_encoder(int level) {
    LZ4F_cctx* context = nullptr;
    if (LZ4F_isError(LZ4F_createCompressionContext(&context, LZ4F_VERSION)) != 0)
        return failure(ENOMEM, "compress lz4", "its state");
    freed_context owned(context);
    return std::make_unique<lz4_encoder>(std::move(owned), level);
}

}  // namespace sluice::inline v0
