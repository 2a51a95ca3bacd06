// Makes a zip archive of files.
//
//     zip photos.zip *.jpg
//     zip -0 photos.zip *.jpg      # nothing deflated
//
// Compressing is what takes time in this, so it is done where it gains something only, which a few
// samples of each file tell, and then in several threads. What is stored does not pass through this
// program: the kernel moves it from file to file, while the checksum is taken from a mapping.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include <sluice/atomic_file.h>
#include <sluice/chain.h>
#include <sluice/file.h>
#include <sluice/file_region.h>
#include <sluice/file_transfer.h>
#include <sluice/filter.h>
#include <sluice/mapped_region.h>
#include <sluice/transfer.h>

#include "zip_format.h"

namespace {

using sluice::failure;
using sluice::result;

// A file on its way into the archive.
struct source {
    sluice::file opened;
    struct stat before;  // when it was opened
    zip::entry record;

    [[nodiscard]] sluice::file_region all() const { return opened.region(0, record.plain_size); }
};

result<struct stat> status_of(const sluice::file& opened) {
    struct stat found {};
    if (fstat(opened.fd(), &found) != 0) return failure(errno, "stat", opened.name());
    return found;
}

// The name that it gets in the archive: relative, and never above where it is unpacked.
std::string name_of(const std::string& path) {
    std::string name;
    for (const auto& part : std::filesystem::path(path).lexically_normal().relative_path()) {
        if (part == "..") continue;
        if (!name.empty()) name += '/';
        name += part.string();
    }
    return name;
}

result<source> open_source(const std::string& path, bool deflating) {
    auto opened = sluice::file::open(path);
    if (!opened) return failure(std::move(opened));
    auto status = status_of(*opened);
    if (!status) return failure(std::move(status));
    if (!S_ISREG(status->st_mode)) return failure(EINVAL, "zip", path + " (no regular file)");
    zip::entry record{.name = name_of(path),
                      .plain_size = static_cast<std::uint64_t>(status->st_size),
                      .dos_time = zip::dos_time_of(status->st_mtime),
                      .mode = status->st_mode};
    if (deflating) {
        auto samples = sluice::worth_compressing(opened->region(0, record.plain_size));
        if (!samples) return failure(std::move(samples));
        if (samples->worth()) record.how = zip::method::deflated;
    }
    return source{std::move(*opened), *status, std::move(record)};
}

// An archive must not say that it holds a file that never was, half old and half new.
result<void> check_unchanged(const source& from) {
    auto now = status_of(from.opened);
    if (!now) return failure(std::move(now));
    auto same = [](const timespec& one, const timespec& other) {
        return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
    };
    if (now->st_size == from.before.st_size && same(now->st_mtim, from.before.st_mtim)) return {};
    return failure(EBUSY, "zip", from.opened.name() + " (it has changed meanwhile)");
}

// Writes memory at a position of the archive.
result<void> write(const sluice::file& archive, std::uint64_t position, sluice::chain&& pieces) {
    auto to = sluice::sink::at(archive, position);
    if (!to) return failure(std::move(to));
    sluice::transfer out(*to);
    out.pieces().append(std::move(pieces));
    while (true) {
        auto moved = out.step();
        if (!moved) return failure(std::move(moved));
        if (moved->state == sluice::progress_state::done) return {};
    }
}

result<void> write(const sluice::file& archive, std::uint64_t position, sluice::buffer&& bytes) {
    sluice::chain pieces;
    pieces.append(std::move(bytes).freeze());
    return write(archive, position, std::move(pieces));
}

result<std::uint32_t> crc32_of(const sluice::file_region& region) {
    if (region.size() == 0) return 0U;
    auto mapped =
        sluice::mapped_region::map(region, {.advice = sluice::mapping_advice::sequential});
    if (!mapped) return failure(std::move(mapped));
    return mapped->guarded(0, region.size(),
                           [](sluice::bytes_view bytes) { return sluice::crc32_of(bytes); });
}

// The data goes from file to file without passing through here.
result<void> store(source& from, const sluice::file& archive) {
    auto& record = from.record;
    auto to = sluice::sink::at(archive, record.position + zip::local_header_size(record));
    if (!to) return failure(std::move(to));
    auto moved = sluice::transfer_to(from.all(), *to);
    if (moved.failed) return std::unexpected(*moved.failed);
    if (!moved.done()) return failure(EBUSY, "zip", from.opened.name() + " (it has shrunk)");
    auto sum = crc32_of(from.all());
    if (!sum) return failure(std::move(sum));
    record.crc32 = *sum;
    if (auto same = check_unchanged(from); !same) return same;
    return write(archive, record.position, zip::local_header(record));
}

// Leaves room for the header, which has to tell the size, and fills it in afterwards.
result<void> deflate(source& from, const sluice::file& archive, unsigned threads) {
    auto& record = from.record;
    auto squeezed = sluice::filter::compressor(sluice::codec::deflate, {.threads = threads});
    if (!squeezed) return failure(std::move(squeezed));
    squeezed->append(from.all());
    squeezed->finish();
    auto data = record.position + zip::local_header_size(record);
    while (!squeezed->done()) {
        auto part = squeezed->pull();
        if (!part) return failure(std::move(part));
        auto size = part->size();
        auto written = write(archive, data + record.packed_size, std::move(*part));
        if (!written) return written;
        record.packed_size += size;
    }
    record.crc32 = squeezed->plain_crc32();
    if (auto same = check_unchanged(from); !same) return same;
    return write(archive, record.position, zip::local_header(record));
}

// Runs the stored entries side by side: where each one goes is known before a byte is moved.
result<void> store_all(std::vector<source*> entries, const sluice::file& archive,
                       unsigned threads) {
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::optional<sluice::error> failed;
    auto work = [&] {
        for (auto i = next++; i < entries.size(); i = next++) {
            auto stored = store(*entries[i], archive);
            if (stored) continue;
            std::lock_guard lock(mutex);
            failed = stored.error();
            next = entries.size();
        }
    };
    {
        std::vector<std::jthread> others;
        for (unsigned i = 1; i < std::min<std::size_t>(threads, entries.size()); ++i)
            others.emplace_back(work);
        work();
    }
    if (failed) return std::unexpected(*failed);
    return {};
}

// Stored entries come first in the archive. The directory at its end has the order that was asked
// for.
result<std::uint64_t> write_entries(std::vector<source>& sources, const sluice::file& archive) {
    auto threads = std::max(1U, std::thread::hardware_concurrency());
    std::uint64_t position = 0;
    std::vector<source*> stored;
    for (auto& each : sources) {
        if (each.record.how != zip::method::stored) continue;
        each.record.position = position;
        each.record.packed_size = each.record.plain_size;
        position += zip::local_header_size(each.record) + each.record.packed_size;
        stored.push_back(&each);
    }
    if (auto done = store_all(stored, archive, threads); !done) return failure(std::move(done));
    for (auto& each : sources) {
        if (each.record.how != zip::method::deflated) continue;
        each.record.position = position;
        if (auto done = deflate(each, archive, threads); !done) return failure(std::move(done));
        position += zip::local_header_size(each.record) + each.record.packed_size;
    }
    return position;
}

result<void> zip_files(const std::string& output, const std::vector<std::string>& paths,
                       bool deflating) {
    std::vector<source> sources;
    for (const auto& path : paths) {
        auto opened = open_source(path, deflating);
        if (!opened) return failure(std::move(opened));
        sources.push_back(std::move(*opened));
    }
    // The archive appears whole or not at all. As other programs of its kind do, this one leaves it
    // to the system when the bytes get to the disk.
    auto archive = sluice::atomic_file::create(output, {.until = sluice::durability::none});
    if (!archive) return failure(std::move(archive));
    auto end = write_entries(sources, archive->content());
    if (!end) return failure(std::move(end));
    std::vector<zip::entry> records;
    for (auto& each : sources)
        records.push_back(std::move(each.record));
    auto written = write(archive->content(), *end, zip::central_directory(records, *end));
    return written ? archive->commit() : written;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    auto deflating = words.empty() || words.front() != "-0";
    if (!deflating) words.erase(words.begin());
    if (words.size() < 2) {
        std::cerr << "usage: zip [-0] OUTPUT FILE...\n";
        return 2;
    }
    std::vector<std::string> paths(words.begin() + 1, words.end());
    if (auto done = zip_files(words.front(), paths, deflating); !done) {
        std::cerr << "zip: " << done.error().message() << "\n";
        return 1;
    }
    return 0;
}
