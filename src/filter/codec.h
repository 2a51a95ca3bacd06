// codec.h: what differs between the codecs, behind two small interfaces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <sluice/buffer_slice.h>
#include <sluice/bytes.h>
#include <sluice/filter.h>
#include <sluice/result.h>

#include "filter/output_blocks.h"

namespace sluice::inline v0 {

// A block to compress.
struct plain_block {
    std::span<const bytes_view> dictionary;  // what comes before it, as far as the codec looks back
    std::span<const bytes_view> parts;
    std::size_t size = 0;  // of the parts
    bool last = false;     // of the stream
};

// Compresses blocks, each on its own, so that several encoders may work on one stream. Their
// outputs in a row, between the stream's head and tail, are the stream.
class encoder {
  public:
    encoder() = default;
    encoder(const encoder&) = delete;
    encoder& operator=(const encoder&) = delete;
    virtual ~encoder() = default;
    // The output ends at a byte border and holds all of the block.
    [[nodiscard]] virtual result<void> encode(const plain_block& block, output_blocks& out) = 0;
};

// Decompresses a stream, piece by piece.
class decoder {
  public:
    struct progress {
        std::size_t consumed = 0;
        std::size_t produced = 0;
    };
    decoder() = default;
    decoder(const decoder&) = delete;
    decoder& operator=(const decoder&) = delete;
    virtual ~decoder() = default;

    // Goes on until the input is used up or the room is; in the latter case output may be left
    // inside. EBADMSG, with the reason as the error's object, for what is no such stream; `done`
    // says then how far it came.
    [[nodiscard]] virtual result<void> decode(bytes_view input, writable_bytes room,
                                              progress& done) = 0;
    // True when the stream may end here: behind a member or frame, and not before the first.
    [[nodiscard]] virtual bool may_end() const noexcept = 0;
};

// "compress gzip" and the like: how errors name the operation.
[[nodiscard]] std::string_view compress_name(codec which) noexcept;
[[nodiscard]] std::string_view decompress_name(codec which) noexcept;

[[nodiscard]] constexpr bool deflates(codec which) noexcept {
    return which == codec::gzip || which == codec::deflate;
}
// True when the codec has this level, or the name stands for one.
[[nodiscard]] bool has_level(codec which, int level) noexcept;
[[nodiscard]] std::size_t usual_block_bytes(codec which) noexcept;
// The most that a block can become.
[[nodiscard]] std::size_t encoded_bytes_max(codec which, std::size_t block_bytes) noexcept;
// The size of the memory blocks that the output of such a block goes to.
[[nodiscard]] std::size_t output_block_bytes(codec which, std::size_t block_bytes) noexcept;
// How far a block may refer back to the one before it.
[[nodiscard]] std::size_t dictionary_bytes(codec which) noexcept;

// `options` have been checked and completed.
[[nodiscard]] result<std::unique_ptr<encoder>> make_encoder(codec which,
                                                            const filter_options& options);
[[nodiscard]] result<std::unique_ptr<decoder>> make_decoder(codec which,
                                                            const filter_options& options);
// What stands before the first block, and behind the last one.
[[nodiscard]] buffer_slice stream_head(codec which) noexcept;
[[nodiscard]] buffer_slice stream_tail(codec which, std::uint32_t crc32, std::uint64_t plain_bytes);

// One for each codec, for the two above.
[[nodiscard]] result<std::unique_ptr<encoder>> make_deflate_encoder(int level);
[[nodiscard]] result<std::unique_ptr<encoder>> make_igzip_encoder();
[[nodiscard]] result<std::unique_ptr<encoder>> make_zstd_encoder(int level);
[[nodiscard]] result<std::unique_ptr<encoder>> make_lz4_encoder(int level);
[[nodiscard]] result<std::unique_ptr<decoder>> make_inflate_decoder(codec which);
[[nodiscard]] result<std::unique_ptr<decoder>> make_zstd_decoder(std::size_t window_bytes_max);
[[nodiscard]] result<std::unique_ptr<decoder>> make_lz4_decoder();

}  // namespace sluice::inline v0
