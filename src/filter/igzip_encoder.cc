#include <array>
#include <memory>

#include <isa-l/igzip_lib.h>

#include "filter/codec.h"

namespace sluice::inline v0 {

namespace {

std::uint8_t* input_of(bytes_view bytes) noexcept {
    return reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(bytes.data()));
}

class igzip_encoder final : public encoder {
  public:
    igzip_encoder() noexcept {
        isal_deflate_init(&stream_);
        stream_.level = 1;
        stream_.level_buf = tables_.data();
        stream_.level_buf_size = tables_.size();
    }

    [[nodiscard]] result<void> encode(const plain_block& block, output_blocks& out) override {
        isal_deflate_reset(&stream_);
        // It takes a dictionary in one piece only; without one the block is a little larger.
        if (block.dictionary.size() == 1) {
            auto before = block.dictionary.front();
            isal_deflate_set_dict(&stream_, input_of(before),
                                  static_cast<std::uint32_t>(before.size()));
        }
        stream_.end_of_stream = 0;
        stream_.flush = NO_FLUSH;
        for (auto part : block.parts) {
            if (auto done = feed(part, out); !done) return done;
        }
        stream_.end_of_stream = block.last ? 1 : 0;
        stream_.flush = SYNC_FLUSH;
        return feed({}, out);
    }

  private:
    [[nodiscard]] result<void> feed(bytes_view part, output_blocks& out) {
        stream_.next_in = input_of(part);
        stream_.avail_in = static_cast<std::uint32_t>(part.size());
        do {
            auto room = out.room(16);
            if (!room) return failure(std::move(room));
            stream_.next_out = reinterpret_cast<std::uint8_t*>(room->data());
            stream_.avail_out = static_cast<std::uint32_t>(room->size());
            auto came = isal_deflate(&stream_);
            out.commit(room->size() - stream_.avail_out);
            if (came != COMP_OK) return failure(EINVAL, "compress deflate", "igzip");
        } while (stream_.avail_out == 0);
        return {};
    }

    alignas(64) isal_zstream stream_;
    alignas(64) std::array<std::uint8_t, ISAL_DEF_LVL1_DEFAULT> tables_;
};

}  // namespace

result<std::unique_ptr<encoder>> make_igzip_encoder() {
    return std::make_unique<igzip_encoder>();
}

}  // namespace sluice::inline v0
