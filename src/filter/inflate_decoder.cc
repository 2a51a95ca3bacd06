#include <memory>

#include <zlib.h>

#include "filter/codec.h"

namespace sluice::inline v0 {

namespace {

class inflate_decoder final : public decoder {
  public:
    inflate_decoder() = default;
    ~inflate_decoder() override {
        if (ready_) inflateEnd(&stream_);
    }

    [[nodiscard]] result<void> start(codec which) {
        members_ = which == codec::gzip;
        // Negative: no head; 16 more: a gzip head.
        auto bits = members_ ? MAX_WBITS + 16 : -MAX_WBITS;
        if (inflateInit2(&stream_, bits) != Z_OK)
            return failure(ENOMEM, decompress_name(which), "zlib's state");
        ready_ = true;
        return {};
    }

    [[nodiscard]] result<void> decode(bytes_view input, writable_bytes room,
                                      progress& done) override {
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
        stream_.avail_in = static_cast<uInt>(input.size());
        stream_.next_out = reinterpret_cast<Bytef*>(room.data());
        stream_.avail_out = static_cast<uInt>(room.size());
        auto went = run();
        done = {.consumed = input.size() - stream_.avail_in,
                .produced = room.size() - stream_.avail_out};
        return went;
    }

    [[nodiscard]] bool may_end() const noexcept override { return ended_; }

  private:
    // One member after the other. Without input zlib still hands out what it holds.
    [[nodiscard]] result<void> run() {
        while (stream_.avail_out > 0) {
            if (ended_ && members_) pass_over_padding();
            if (ended_ && stream_.avail_in == 0) return {};
            if (ended_ && (!members_ || padded_))
                return failure(EBADMSG, "decompress", "data behind the end of the stream");
            if (ended_) inflateReset(&stream_);
            ended_ = false;
            switch (inflate(&stream_, Z_NO_FLUSH)) {
                case Z_OK:
                    if (stream_.avail_in == 0) return {};
                    break;
                case Z_STREAM_END:
                    ended_ = true;
                    break;
                case Z_BUF_ERROR:  // nothing to go on with
                    return {};
                case Z_MEM_ERROR:
                    return failure(ENOMEM, "decompress", "zlib's window");
                default:
                    return failure(EBADMSG, "decompress",
                                   stream_.msg != nullptr ? stream_.msg : "not deflated data");
            }
        }
        return {};
    }

    // Zeros, which no member begins with, fill the last block of a tape or disk; gzip(1) passes
    // over them as well.
    void pass_over_padding() noexcept {
        while (stream_.avail_in > 0 && *stream_.next_in == 0) {
            padded_ = true;
            ++stream_.next_in;
            --stream_.avail_in;
        }
    }

    z_stream stream_{};
    bool ready_ = false;
    bool members_ = false;
    bool ended_ = false;
    bool padded_ = false;  // zeros have come behind the end
};

}  // namespace

result<std::unique_ptr<decoder>> make_inflate_decoder(codec which) {
    auto made = std::make_unique<inflate_decoder>();
    if (auto started = made->start(which); !started) return failure(std::move(started));
    return made;
}

}  // namespace sluice::inline v0
