#include <algorithm>

#include <sluice/buffer.h>
#include <sluice/file.h>

#include "file/parts.h"
#include "sys/io.h"

namespace sluice::inline v0 {

namespace {

// What keeps these parts from being read or written past the page cache; empty when nothing does.
template <typename Part>
std::string misaligned(const file::alignment& wanted, std::uint64_t position,
                       std::span<const Part> parts) {
    auto say = [](const char* what, std::uint64_t value, std::size_t multiple) {
        return std::string(what) + " " + std::to_string(value) + " is no multiple of " +
               std::to_string(multiple);
    };
    if (position % wanted.position != 0) return say("position", position, wanted.position);
    for (auto part : parts) {
        if (part.size() % wanted.position != 0) return say("size", part.size(), wanted.position);
        auto address = reinterpret_cast<std::uintptr_t>(part.data());
        if (address % wanted.memory != 0) return say("memory address", address, wanted.memory);
    }
    return {};
}

// The kernel's own answer to what is misaligned is EINVAL too, but does not say why.
template <typename Part>
result<void> check_alignment(const std::optional<file::alignment>& wanted, const char* operation,
                             const std::string& name, std::uint64_t position,
                             std::span<const Part> parts) {
    if (!wanted) return {};
    auto reason = misaligned(*wanted, position, parts);
    if (reason.empty()) return {};
    return failure(EINVAL, operation, name + " (opened direct: " + reason + ")");
}

// Nobody waits here for a file that would block (a device, a FUSE file): that is an error.
result<std::size_t> count_of(result<sys::moved> outcome, const char* operation) {
    if (!outcome) return failure(std::move(outcome));
    if (outcome->would_block) return failure(EAGAIN, operation);
    return outcome->bytes;
}

// Calls `write(batch, bytes done)` until nothing is left.
template <typename Write>
result<void> write_all(std::span<const bytes_view> parts, const std::string& name, Write write) {
    detail::part_walk walk(parts);
    std::uint64_t done = 0;
    while (!walk.at_end()) {
        auto wrote = count_of(write(walk.batch(), done), "pwritev");
        // A call that writes nothing and says no reason would be made for ever.
        if (wrote && *wrote == 0) wrote = failure(EIO, "pwritev");
        if (!wrote) return std::unexpected(std::move(wrote).error().on(name).after(done));
        walk.advance(*wrote);
        done += *wrote;
    }
    return {};
}

}  // namespace

result<std::size_t> file::read_at(std::uint64_t position, writable_bytes to) const {
    return read_at(position, std::span<const writable_bytes>(&to, 1));
}

result<std::size_t> file::read_at(std::uint64_t position,
                                  std::span<const writable_bytes> parts) const {
    auto aligned = check_alignment(opened_->direct, "preadv", name(), position, parts);
    if (!aligned) return failure(std::move(aligned));
    detail::part_walk walk(parts);
    std::size_t filled = 0;
    while (!walk.at_end()) {
        auto got = count_of(sys::preadv(fd(), walk.batch(), position + filled), "preadv");
        if (!got) return std::unexpected(std::move(got).error().on(name()).after(filled));
        filled += *got;
        // Past the page cache the end shows as a count that is not aligned; asking on from there
        // would be an error.
        if (*got == 0 || (opened_->direct && *got % opened_->direct->position != 0)) break;
        walk.advance(*got);
    }
    return filled;
}

result<buffer_slice> file::read_all(std::size_t size_max) const {
    auto known = size();
    if (!known) return failure(std::move(known));
    if (*known > size_max) return failure(EFBIG, "read_all", name());
    buffer content;
    // One byte more than there should be, so that the end shows without another round.
    auto wanted = std::max<std::size_t>(*known, 4095) + 1;
    for (;; wanted = 1) {  // which makes it grow twofold
        if (auto reserved = content.try_reserve(wanted); !reserved)
            return std::unexpected(std::move(reserved).error().on(name()));
        auto room = content.tailroom();
        auto got = read_at(content.size(), room);
        if (!got) return failure(std::move(got));
        content.commit(*got);
        if (content.size() > size_max) return failure(EFBIG, "read_all", name());
        if (*got < room.size()) return std::move(content).freeze();
    }
}

result<void> file::write_at(std::uint64_t position, bytes_view from) const {
    return write_at(position, std::span<const bytes_view>(&from, 1));
}

result<void> file::write_at(std::uint64_t position, std::span<const bytes_view> parts) const {
    if (opened_->append) return failure(EINVAL, "pwritev", name() + " (opened for appending only)");
    auto aligned = check_alignment(opened_->direct, "pwritev", name(), position, parts);
    if (!aligned) return aligned;
    return write_all(parts, name(), [&](std::span<const iovec> batch, std::uint64_t done) {
        return sys::pwritev(fd(), batch, position + done);
    });
}

result<void> file::append(bytes_view from) const {
    return append(std::span<const bytes_view>(&from, 1));
}

result<void> file::append(std::span<const bytes_view> parts) const {
    auto aligned = check_alignment(opened_->direct, "pwritev2", name(), 0, parts);
    if (!aligned) return aligned;
    return write_all(parts, name(), [&](std::span<const iovec> batch, std::uint64_t) {
        return sys::append(fd(), batch);
    });
}

}  // namespace sluice::inline v0
