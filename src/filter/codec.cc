#include "filter/codec.h"

#include <bit>

#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <sluice/buffer.h>

namespace sluice::inline v0 {

namespace {

constexpr std::size_t kib = 1024;

int level_number(codec which, int level) noexcept {
    auto fastest = level == filter_level::fastest;
    if (level != filter_level::usual && !fastest) return level;
    switch (which) {
        case codec::zstd:
            return fastest ? -1 : ZSTD_CLEVEL_DEFAULT;
        case codec::lz4:
            return 1;
        default:
            return fastest ? Z_BEST_SPEED : 6;
    }
}

}  // namespace

std::string_view name_of(codec which) noexcept {
    switch (which) {
        case codec::gzip:
            return "gzip";
        case codec::deflate:
            return "deflate";
        case codec::zstd:
            return "zstd";
        case codec::lz4:
            return "lz4";
    }
    return "unknown";
}

std::string_view compress_name(codec which) noexcept {
    switch (which) {
        case codec::gzip:
            return "compress gzip";
        case codec::deflate:
            return "compress deflate";
        case codec::zstd:
            return "compress zstd";
        case codec::lz4:
            return "compress lz4";
    }
    return "compress";
}

std::string_view decompress_name(codec which) noexcept {
    switch (which) {
        case codec::gzip:
            return "decompress gzip";
        case codec::deflate:
            return "decompress deflate";
        case codec::zstd:
            return "decompress zstd";
        case codec::lz4:
            return "decompress lz4";
    }
    return "decompress";
}

bool has_level(codec which, int level) noexcept {
    auto number = level_number(which, level);
    switch (which) {
        case codec::zstd:
            return number >= -100 && number <= 22;
        case codec::lz4:
            return number >= 1 && number <= LZ4F_compressionLevel_max();
        default:
            return number >= 1 && number <= 9;
    }
}

std::size_t usual_block_bytes(codec which) noexcept {
    switch (which) {
        case codec::zstd:
            return 1024 * kib;
        case codec::lz4:
            return 192 * kib;  // what LZ4 makes of it fits into a 256 KiB block of output
        default:
            return 256 * kib;
    }
}

std::size_t output_block_bytes(codec which, std::size_t block_bytes) noexcept {
    // LZ4 wants room for the worst case of a 64 KiB block of its own with each call. The others go
    // on from block to block.
    constexpr auto lz4_block = 64 * kib;
    if (which == codec::lz4)
        return (block_bytes + lz4_block - 1) / lz4_block * (lz4_block + 8) + 16;
    return (which == codec::zstd ? 128 : 64) * kib;
}

std::size_t encoded_bytes_max(codec which, std::size_t block_bytes) noexcept {
    auto block = output_block_bytes(which, block_bytes);
    if (which == codec::lz4) return std::bit_ceil(block);  // a pool's block is at most as large
    // Stored blocks of deflate cost 5 bytes in 16 KiB at the worst, those of zstd 3 in 128 KiB.
    auto bytes = block_bytes + block_bytes / 1024 + kib;
    return (bytes + block - 1) / block * block;
}

std::size_t dictionary_bytes(codec which) noexcept {
    return deflates(which) ? 32 * kib : 0;
}

result<std::unique_ptr<encoder>> make_encoder(codec which, const filter_options& options) {
    auto level = level_number(which, options.level);
    switch (which) {
        case codec::zstd:
            return make_zstd_encoder(level);
        case codec::lz4:
            return make_lz4_encoder(level);
        default:
            break;
    }
#ifdef SLUICE_HAS_ISAL
    if (options.level == filter_level::fastest) return make_igzip_encoder();
#endif
    return make_deflate_encoder(level);
}

result<std::unique_ptr<decoder>> make_decoder(codec which, const filter_options& options) {
    switch (which) {
        case codec::zstd:
            return make_zstd_decoder(options.window_bytes_max);
        case codec::lz4:
            return make_lz4_decoder();
        default:
            return make_inflate_decoder(which);
    }
}

buffer_slice stream_head(codec which) noexcept {
    using namespace std::string_view_literals;
    switch (which) {
        case codec::gzip:
            // Deflate, no flags, no time, nothing said of the level, Unix.
            return buffer_slice::of_static("\x1f\x8b\x08\0\0\0\0\0\0\x03"sv);
        case codec::lz4:
            // Version 1, independent blocks of at most 64 KiB with a checksum each; the last byte
            // is that of the two before it.
            return buffer_slice::of_static("\x04\x22\x4d\x18\x70\x40\xad"sv);
        default:
            return {};
    }
}

buffer_slice stream_tail(codec which, std::uint32_t crc32, std::uint64_t plain_bytes) {
    if (which == codec::lz4) return buffer_slice::of_static(std::string_view("\0\0\0\0", 4));
    if (which != codec::gzip) return {};
    buffer tail(8);
    tail.append_le(crc32);
    tail.append_le(static_cast<std::uint32_t>(plain_bytes));  // modulo 2^32, as RFC 1952 has it
    return std::move(tail).freeze();
}

}  // namespace sluice::inline v0
