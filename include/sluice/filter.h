// filter.h: compressing and decompressing a chain: where zero copy ends.
//
//                       ┌──────────────── filter ────────────────┐
//     chain ──append──▶ │ input ─▶ [block][block][block] ─▶ done │ ──pull──▶ chain of pooled blocks
//     (memory, files)   │             ▲      ▲      ▲            │
//                       │             └─ threads of its own      │
//                       └────────────────────────────────────────┘
//
// Bytes that must be transformed have to be touched. A filter touches them once: the codec reads
// them where they are and writes into blocks of a pool, which leave as slices. Nothing else copies
// but a codec within itself. Pieces of files are read from mappings, but for short ones.
//
// It is pulled: nothing happens but in step() and pull(), and neither takes on more work than
// `memory_bytes_max` allows, so that a slow reader slows the filter and not the other way round.
// Appending only queues handles.
//
//     auto squeezed = filter::compressor(codec::gzip, {.threads = 4});
//     squeezed->append(source.region(0, size));
//     squeezed->finish();
//     while (!squeezed->done()) {
//         auto part = squeezed->pull(1 << 20);
//         if (!part) return failure(std::move(part));
//         out.pieces().append(std::move(*part));
//         ...
//     }
//
// What comes out is what the usual tools read (gzip, zstd, lz4), and it is the same for any number
// of threads:
//
// - gzip (RFC 1952): one member. Its blocks are deflated side by side, each with the end of the
//   block before it as dictionary, and joined at byte borders, as pigz does it.
// - deflate (RFC 1951): the same without head and checksum, as a zip archive's entries have it.
// - zstd (RFC 8878): one frame for each block, with checksums. Decoders take frames in a row as one
//   stream.
// - lz4: one frame of independent blocks, each with a checksum of its bytes. (None of the whole,
//   which would need all the blocks in order.)
//
// This header needs the component `filter` of the package: find_package(sluice COMPONENTS filter)
// and sluice::filter. The library itself knows no codec.
//
// Threads: a filter is for one thread at a time. Its crew, if it has one, is its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include <sluice/buffer_pool.h>
#include <sluice/buffer_slice.h>
#include <sluice/bytes.h>
#include <sluice/chain.h>
#include <sluice/file_region.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

enum class codec : std::uint8_t { gzip, deflate, zstd, lz4 };

// "gzip", "deflate", "zstd", "lz4".
[[nodiscard]] std::string_view name_of(codec which) noexcept;

// How hard to try. The numbers are the codec's own: gzip and deflate 1 to 9, zstd -100 to 22, lz4
// 1 to 12; another one is refused (EINVAL). Two names stand for a number of the codec's:
//
// - usual: gzip 6, zstd 3, lz4 1.
// - fastest: for gzip and deflate the igzip of ISA-L where the build has it (five times as fast as
//   level 1, and close to it in size), else 1; zstd -1; lz4 1.
struct filter_level {
    static constexpr int usual = -1000;
    static constexpr int fastest = -1001;
};

struct filter_options {
    int level = filter_level::usual;  // compressors only
    // Threads that compress. 1: the caller's own, within step() and pull(), and no crew is started.
    // Decompressing is one stream by its nature, and is done in the caller's thread always.
    unsigned threads = 1;
    // Bytes of input to a block; 0: 256 KiB, for lz4 192 KiB, and for zstd, whose frames are its
    // blocks, 1 MiB. At least 4 KiB, at most 4 MiB.
    std::size_t block_bytes = 0;
    // What the filter holds at most: input of the blocks in work and output that nobody has pulled,
    // both counted as if they were as large as they can get. 0: what all threads need to be busy.
    // Less than one block needs is refused (EINVAL). The codecs' own tables come on top: for each
    // thread 0.3 MiB (gzip), 0.1 MiB (lz4), 1 to 90 MiB (zstd, by level); for a decompressor up to
    // `window_bytes_max`.
    std::size_t memory_bytes_max = 0;
    // Where the output's memory comes from, and what bounds it (ENOMEM when that refuses); none: a
    // pool that all such filters of the process share, within memory_budget::process().
    std::optional<buffer_pool> pool = std::nullopt;
    // Decompressors only: more output than this is an error (EFBIG), so that a small input cannot
    // become any amount of data.
    std::uint64_t output_bytes_max = UINT64_MAX;
    // Decompressors only: a zstd frame that asks for a larger window is refused. A power of two, of
    // which more than the format has (2 GiB) means all that it has.
    std::size_t window_bytes_max = std::size_t{128} << 20;
    // Called in a thread of the crew whenever a block is finished: a place to wake a loop. Must not
    // throw, and must not call the filter.
    std::function<void()> block_finished = {};
};

// What a step came to.
enum class filter_state : std::uint8_t {
    more,     // there is more to do: step again
    working,  // the crew is at it; nothing to do until it finishes a block
    hungry,   // needs input, or finish()
    full,     // holds as much as it may: pull
    done,     // all output has been made, though perhaps not pulled
};

[[nodiscard]] std::string_view name_of(filter_state state) noexcept;

// What a filter has done so far.
struct filter_statistics {
    std::uint64_t bytes_in = 0;         // input that has been through the codec
    std::uint64_t bytes_out = 0;        // output made
    std::uint64_t blocks = 0;           // blocks compressed, or output blocks filled
    std::uint64_t bytes_read = 0;       // of short file pieces, read into memory: a copy
    std::size_t memory_bytes = 0;       // held now, as memory_bytes_max counts it
    std::size_t memory_bytes_peak = 0;  // the most so far
};

class filter {
  public:
    // A filter that compresses. EINVAL for options that do not fit, ENOMEM when the codec gets no
    // memory, EAGAIN when there are no threads to be had.
    [[nodiscard]] static result<filter> compressor(codec which, filter_options options = {});
    // A filter that decompresses. Several members or frames in a row are one stream, as the tools
    // have it; deflate is one stream by definition. Zeros behind the last member of gzip are the
    // padding of a tape or disk block, and are passed over.
    [[nodiscard]] static result<filter> decompressor(codec which, filter_options options = {});

    filter(filter&& other) noexcept;
    filter& operator=(filter&& other) noexcept;
    // Waits for the blocks that the crew is at.
    ~filter();

    // Queues input. No byte is touched, and the pieces are kept until they have been through. Not
    // after finish(). Memory is read where it is. A file is mapped as its turn comes, block by
    // block and in the thread that compresses, or read when the piece is shorter than 16 KiB; a
    // file that is shorter than its piece is an error then (ENODATA), and so is a page that cannot
    // be read (EIO). The same goes for slices of mapped files, as mapping_fault_of() has it. May
    // throw std::bad_alloc; nothing is queued then.
    void append(buffer_slice memory);
    void append(file_region region);
    void append(chain&& input);
    // Compressors: makes a block of what there is without waiting for more, so that a reader of the
    // output can have it all. Costs some of the compression. Decompressors need none.
    void flush();
    // No more input.
    void finish();

    // Does one block's work, or hands out all the work that the crew and the memory allow. Without
    // a crew it takes as long as a block takes; with one it does not wait. After an error every
    // step and pull gives the same error.
    [[nodiscard]] result<filter_state> step();
    // Up to `bytes_max` bytes of output, in order. Steps, and waits for the crew, until there is
    // any; so the chain is empty only when input is missing or all has been pulled. O(pieces)
    // beside the steps; the bytes are not moved. A slice of output keeps a block of the pool, 64 to
    // 256 KiB, so whoever keeps small ones for long takes buffer_slice::compacted(). ENOMEM when
    // the chain gets no memory for its list: then no output is lost, and the next pull gives it.
    [[nodiscard]] result<chain> pull(std::uint64_t bytes_max = UINT64_MAX);
    // Output that pull() would give at once.
    [[nodiscard]] std::uint64_t ready_bytes() const noexcept;
    // True when the last byte of output has been pulled, or an error has ended it.
    [[nodiscard]] bool done() const noexcept;

    // The CRC-32 of all that has been through on the plain side: what gzip and zip store. Only of
    // gzip and deflate compressors; once they are done.
    [[nodiscard]] std::uint32_t plain_crc32() const noexcept;
    [[nodiscard]] filter_statistics statistics() const noexcept;

    class stage;  // what does the work: one for each direction

  private:
    explicit filter(std::unique_ptr<stage> work) noexcept;
    std::unique_ptr<stage> work_;
};

// What samples of some data say about compressing it.
struct compressibility {
    double ratio = 1.0;  // compressed bytes to plain ones, in the samples; above 1 when they grow
    std::uint64_t sampled_bytes = 0;
    // Deflating saves a tenth at least, below which it is hardly worth the reader's time.
    [[nodiscard]] bool worth() const noexcept { return ratio < 0.9; }
};

// Compresses samples of the data with the fastest deflate there is: up to 8 of 4 KiB each, spread
// evenly. Costs at most 32 KiB of reading and about 0.1 ms with ISA-L, 1 ms with zlib; the samples
// of a file are read, which may wait for the disk. Nothing is allocated but the codec's state. A
// guess: data that compresses only over long distances looks incompressible.
[[nodiscard]] result<compressibility> worth_compressing(bytes_view data);
[[nodiscard]] result<compressibility> worth_compressing(const file_region& region);

// The CRC-32 of gzip and zip (RFC 1952, section 8) of `data`, going on from that of what came
// before. Several GB/s with ISA-L, 1 GB/s with zlib.
[[nodiscard]] std::uint32_t crc32_of(bytes_view data, std::uint32_t before = 0) noexcept;
// That of two parts in a row, from those of the parts. No data is touched.
[[nodiscard]] std::uint32_t crc32_joined(std::uint32_t first, std::uint32_t second,
                                         std::uint64_t second_bytes) noexcept;

}  // namespace sluice::inline v0

#pragma GCC visibility pop
