#include <algorithm>
#include <utility>

#include <sluice/chain_cursor.h>

namespace sluice::inline v0 {

// Where a cursor reads file pieces to.
struct chain_cursor::file_block {
    static constexpr std::size_t size = 16 * 1024;

    std::array<std::byte, size> bytes;
    std::optional<error> trouble;
};

void chain_cursor::drop(file_block* files) noexcept {
    delete files;
}

const error* chain_cursor::trouble() const noexcept {
    return here_.files != nullptr && here_.files->trouble ? &*here_.files->trouble : nullptr;
}

chain_cursor::file_block& chain_cursor::state::block() {
    if (files == nullptr) files = new file_block;
    return *files;
}

std::optional<file_region> chain_cursor::state::enter() noexcept {
    assert(at == end && changes == over->changes_);
    auto from = behind;
    if (files != nullptr) files->trouble.reset();
    if (from == over->size_) return std::nullopt;
    auto start = over->start_of(index);
    auto next_start = over->start_of(index + 1);
    chain::spot found = {index, from - start};
    if (from == next_start) {
        found = {index + 1, 0};
    } else if (from < start || from > next_start) {
        found = over->locate(from);
    }
    place(found.index, from, found.offset);
    const auto* region = over->pieces()[index].region();
    if (region == nullptr) return std::nullopt;
    return region->slice(found.offset, region->size() - found.offset);
}

void chain_cursor::state::refill() {
    auto region = enter();
    if (!region) return;
    auto count = std::min<std::uint64_t>(region->size(), file_block::size);
    auto from = behind;
    auto room = writable_bytes(block().bytes).first(static_cast<std::size_t>(count));
    auto got = read_file(*region, room);
    at = room.data();
    end = at + got;
    behind = from + got;
}

// Bytes of the region's front; none when its file is in trouble.
std::size_t chain_cursor::state::read_file(const file_region& region, writable_bytes to) {
    auto got = region.source().read_at(region.position(), to);
    if (got && *got > 0) return *got;
    block().trouble = got ? error(std::error_code(ENODATA, std::system_category()), "read",
                                  region.source().name())
                          : std::move(got).error();
    return 0;
}

// A large read of a file goes past the block; zero when there is no file here, or one in trouble.
std::size_t chain_cursor::state::copy_from_file(writable_bytes to) {
    auto region = enter();
    if (!region) return 0;
    auto count = std::min<std::uint64_t>(region->size(), to.size());
    auto got = read_file(*region, to.first(static_cast<std::size_t>(count)));
    behind += got;
    return got;
}

std::size_t chain_cursor::state::copy_to(writable_bytes to) {
    auto wanted = to.size();
    while (!to.empty()) {
        if (at == end && to.size() >= file_block::size) to = to.subspan(copy_from_file(to));
        if (at == end) refill();
        if (at == end) break;
        auto count = std::min(to.size(), static_cast<std::size_t>(end - at));
        copy_bytes(to, {at, count});
        at += count;
        to = to.subspan(count);
    }
    return wanted - to.size();
}

std::optional<std::uint64_t> chain_cursor::state::varint() {
    auto from = position();
    // A number that is malformed in memory is no file's trouble.
    if (files != nullptr) files->trouble.reset();
    std::array<std::byte, varint_size_max> bytes;
    std::size_t size = 0;
    while (size < bytes.size()) {
        if (at == end) refill();
        if (at == end) break;
        bytes[size++] = *at++;
        if ((bytes[size - 1] & std::byte{0x80}) == std::byte{0}) break;
    }
    auto number = load_varint(bytes_view(bytes).first(size));
    if (number.state == varint_state::complete) return number.value;
    seek(from);
    return std::nullopt;
}

}  // namespace sluice::inline v0
