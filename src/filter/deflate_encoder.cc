#include <memory>

#include <zlib.h>

#include "filter/codec.h"

namespace sluice::inline v0 {

namespace {

// zlib wants pointers to writable input, and does not write.
Bytef* input_of(bytes_view bytes) noexcept {
    return reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
}

class deflate_encoder final : public encoder {
  public:
    deflate_encoder() = default;
    ~deflate_encoder() override {
        if (ready_) deflateEnd(&stream_);
    }

    [[nodiscard]] result<void> start(int level) {
        // No head and no checksum of zlib's own; the largest window; its usual memory.
        if (deflateInit2(&stream_, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
            return failure(ENOMEM, "compress deflate", "zlib's state");
        ready_ = true;
        return {};
    }

    [[nodiscard]] result<void> encode(const plain_block& block, output_blocks& out) override {
        deflateReset(&stream_);
        for (auto part : block.dictionary)
            deflateSetDictionary(&stream_, input_of(part), static_cast<uInt>(part.size()));
        for (auto part : block.parts) {
            if (auto done = feed(part, Z_NO_FLUSH, out); !done) return done;
        }
        return feed({}, block.last ? Z_FINISH : Z_SYNC_FLUSH, out);
    }

  private:
    [[nodiscard]] result<void> feed(bytes_view part, int flush, output_blocks& out) {
        stream_.next_in = input_of(part);
        stream_.avail_in = static_cast<uInt>(part.size());
        do {
            // With fewer than seven bytes of room zlib would repeat the mark of a flush.
            auto room = out.room(16);
            if (!room) return failure(std::move(room));
            stream_.next_out = reinterpret_cast<Bytef*>(room->data());
            stream_.avail_out = static_cast<uInt>(room->size());
            deflate(&stream_, flush);
            out.commit(room->size() - stream_.avail_out);
        } while (stream_.avail_out == 0);
        return {};
    }

    z_stream stream_{};
    bool ready_ = false;
};

}  // namespace

result<std::unique_ptr<encoder>> make_deflate_encoder(int level) {
    auto made = std::make_unique<deflate_encoder>();
    if (auto started = made->start(level); !started) return failure(std::move(started));
    return made;
}

}  // namespace sluice::inline v0
