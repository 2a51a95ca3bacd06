// ioctl_ficlonerange(2): the target gets the source's blocks, and either file gets its own copy of
// a block when it is written to. Nothing is copied at all, at any size. Only on file systems that
// can share blocks (Btrfs, XFS, bcachefs, OCFS2), within one of them, and from block to block.
#include <algorithm>
#include <cerrno>

#include "sys/descriptors.h"
#include "sys/files.h"
#include "transfer/mechanism_step.h"

namespace sluice::inline v0 {

namespace {

// ENOTTY: the file system knows no such ioctl. The others as with copy_file_range.
bool means_no_sharing(const error& failed) {
    return failed.is(ENOTTY) || failed.is(EXDEV) || failed.is(EBADF) || failed.is(ETXTBSY);
}

// Where the bytes go; asks for the cursor if that is the place.
result<std::uint64_t> place_of(step_request& request) {
    if (request.to.position()) return *request.to.position();
    ++request.cost.calls;
    return sys::cursor_of(request.to.fd());
}

// How much of the front can be shared: whole blocks of what the source has, and its last one.
result<std::uint64_t> sharable(step_request& request, std::uint64_t place) {
    const auto& source = request.front_file();
    ++request.cost.calls;
    auto found = sys::status(source.fd());
    if (!found) return std::unexpected(std::move(found).error().on(source.source().name()));
    auto block = static_cast<std::uint64_t>(found->st_blksize);
    auto end = static_cast<std::uint64_t>(found->st_size);
    if (block == 0 || source.position() % block != 0 || place % block != 0) return 0;
    if (source.position() >= end) return 0;
    auto size = std::min(request.limit, end - source.position());
    return source.position() + size == end ? size : size - size % block;
}

result<void> move_cursor(step_request& request, std::uint64_t to) {
    if (request.to.position()) return {};
    ++request.cost.calls;
    return sys::set_cursor(request.to.fd(), to);
}

}  // namespace

result<step_outcome> reflink_step(step_request& request) {
    const auto& source = request.front_file();
    auto place = place_of(request);
    if (!place) return failure(std::move(place));
    auto size = sharable(request, *place);
    if (!size) return failure(std::move(size));
    if (*size == 0) return step_outcome{.state = step_state::unsupported, .reason = EINVAL};
    ++request.cost.calls;
    auto shared = sys::clone_range(request.to.fd(), *place, source.fd(), source.position(), *size);
    if (!shared && means_no_sharing(shared.error()))
        return step_outcome{.state = step_state::unsupported,
                            .reason = shared.error().code().value()};
    if (!shared) return refusal(std::move(shared).error(), source);
    if (auto moved = move_cursor(request, *place + *size); !moved) return failure(std::move(moved));
    return step_outcome{.bytes = *size};
}

}  // namespace sluice::inline v0
