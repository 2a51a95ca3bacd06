#include "zip_format.h"

#include <algorithm>
#include <cassert>
#include <cstddef>

namespace zip {

namespace {

using sluice::buffer;

constexpr std::uint32_t no_room = 0xffffffff;  // says that the zip64 field has the number
constexpr std::uint16_t zip64_tag = 1;
constexpr std::uint16_t version_plain = 20;
constexpr std::uint16_t version_zip64 = 45;
constexpr std::uint16_t made_on_unix = 3 << 8;
constexpr std::uint16_t name_is_utf8 = 1 << 11;

// Whether the sizes take 64 bits. Deflated data may be a little larger than plain data, and the
// local header's size must be known before; so the bound is a little below.
bool has_large_sizes(const entry& of) {
    return of.plain_size >= 0xff000000;
}

bool has_large_position(const entry& of) {
    return of.position >= no_room;
}

std::uint32_t narrow(std::uint64_t number, bool large) {
    return large ? no_room : static_cast<std::uint32_t>(number);
}

// What local and central headers share, from the version on to the sizes.
void append_common(buffer& to, const entry& of, bool zip64) {
    auto large = has_large_sizes(of);
    to.append_le(zip64 ? version_zip64 : version_plain);
    to.append_le(name_is_utf8);
    to.append_le(static_cast<std::uint16_t>(of.how));
    to.append_le(of.dos_time);
    to.append_le(of.crc32);
    to.append_le(narrow(of.packed_size, large));
    to.append_le(narrow(of.plain_size, large));
    to.append_le(static_cast<std::uint16_t>(of.name.size()));
}

void append_large_sizes(buffer& to, const entry& of) {
    to.append_le(of.plain_size);
    to.append_le(of.packed_size);
}

void append_central_header(buffer& to, const entry& of) {
    auto sizes = has_large_sizes(of);
    auto position = has_large_position(of);
    auto extra = static_cast<std::uint16_t>((sizes ? 16 : 0) + (position ? 8 : 0));
    to.append("PK\x01\x02");
    to.append_le(static_cast<std::uint16_t>(made_on_unix | version_zip64));
    append_common(to, of, sizes || position);
    to.append_le(static_cast<std::uint16_t>(extra == 0 ? 0 : extra + 4));
    to.append_le(std::uint16_t{0});  // no comment
    to.append_le(std::uint16_t{0});  // on the first disk
    to.append_le(std::uint16_t{0});  // nothing known about the content
    to.append_le(of.mode << 16);
    to.append_le(narrow(of.position, position));
    to.append(of.name);
    if (extra == 0) return;
    to.append_le(zip64_tag);
    to.append_le(extra);
    if (sizes) append_large_sizes(to, of);
    if (position) to.append_le(of.position);
}

// The end of the central directory for what 32 bits cannot say, and where that end is.
void append_zip64_end(buffer& to, std::uint64_t count, std::uint64_t position) {
    auto size = to.size();
    to.append("PK\x06\x06");
    to.append_le(std::uint64_t{44});  // bytes that follow in this record
    to.append_le(static_cast<std::uint16_t>(made_on_unix | version_zip64));
    to.append_le(version_zip64);
    to.append_le(std::uint64_t{0});  // both of the first disk
    to.append_le(count);
    to.append_le(count);
    to.append_le(std::uint64_t{size});
    to.append_le(position);
    to.append("PK\x06\x07");
    to.append_le(std::uint32_t{0});
    to.append_le(position + size);
    to.append_le(std::uint32_t{1});  // disk
}

}  // namespace

std::uint32_t dos_time_of(std::time_t when) {
    std::tm local{};
    localtime_r(&when, &local);
    if (local.tm_year < 80) return (1U << 21) | (1U << 16);  // 1 January 1980
    auto part = [](int value, unsigned shift) {
        return static_cast<std::uint32_t>(value) << shift;
    };
    return part(local.tm_year - 80, 25) | part(local.tm_mon + 1, 21) | part(local.tm_mday, 16) |
           part(local.tm_hour, 11) | part(local.tm_min, 5) | part(local.tm_sec / 2, 0);
}

std::uint64_t local_header_size(const entry& of) {
    return 30 + of.name.size() + (has_large_sizes(of) ? 20 : 0);
}

buffer local_header(const entry& of) {
    auto large = has_large_sizes(of);
    buffer header(static_cast<std::size_t>(local_header_size(of)));
    header.append("PK\x03\x04");
    append_common(header, of, large);
    header.append_le(std::uint16_t{static_cast<std::uint16_t>(large ? 20 : 0)});
    header.append(of.name);
    if (large) {
        header.append_le(zip64_tag);
        header.append_le(std::uint16_t{16});
        append_large_sizes(header, of);
    }
    assert(header.size() == local_header_size(of));
    return header;
}

buffer central_directory(const std::vector<entry>& entries, std::uint64_t position) {
    buffer directory(1024);
    for (const auto& each : entries)
        append_central_header(directory, each);
    auto size = std::uint64_t{directory.size()};
    auto count = std::uint64_t{entries.size()};
    auto large = count >= 0xffff || size >= no_room || position >= no_room;
    if (large) append_zip64_end(directory, count, position);
    directory.append("PK\x05\x06");
    directory.append_le(std::uint32_t{0});  // both of the first disk
    auto count16 = static_cast<std::uint16_t>(std::min<std::uint64_t>(count, 0xffff));
    directory.append_le(count16);
    directory.append_le(count16);
    directory.append_le(narrow(size, size >= no_room));
    directory.append_le(narrow(position, position >= no_room));
    directory.append_le(std::uint16_t{0});  // no comment
    return directory;
}

}  // namespace zip
