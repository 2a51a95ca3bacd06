// copy_file_range(2): the file system copies from file to file, or hands over its blocks. No copy
// between user and kernel.
#include <algorithm>
#include <cerrno>

#include <sluice/file.h>

#include "transfer/mechanism_step.h"

namespace sluice::inline v0 {

namespace {

// Reasons for which this pair of files does not take part, beside those of every mechanism. EXDEV:
// two file systems that cannot do it between them. EBADF: the target was opened for appending (or
// not for writing, which the next way will say again). ETXTBSY: a swap file.
bool means_other_pair(const error& failed) {
    return failed.is(EXDEV) || failed.is(EBADF) || failed.is(ETXTBSY);
}

// Nothing came. Files of /proc have no size, so the call takes them for empty although they can be
// read: unless the size says that this is the end, the next way has to find out.
result<step_outcome> end_or_unknown_size(step_request& request) {
    const auto& source = request.front_file();
    ++request.cost.calls;
    auto size = source.source().size();
    if (!size) return failure(std::move(size));
    if (*size > 0 && *size <= source.position())
        return step_outcome{.state = step_state::source_truncated};
    return step_outcome{.state = step_state::unsupported, .reason = ENODATA};
}

}  // namespace

result<step_outcome> copy_file_range_step(step_request& request) {
    const auto& source = request.front_file();
    ++request.cost.calls;
    auto moved = sys::copy_file_range(request.to.fd(), request.to.position(), source.fd(),
                                      source.position(), static_cast<std::size_t>(request.limit));
    if (!moved && means_other_pair(moved.error()))
        return step_outcome{.state = step_state::unsupported,
                            .reason = moved.error().code().value()};
    if (!moved) return refusal(std::move(moved).error(), source);
    if (moved->would_block) return step_outcome{.state = step_state::unsupported, .reason = EAGAIN};
    if (moved->bytes == 0) return end_or_unknown_size(request);
    return step_outcome{.bytes = moved->bytes};
}

}  // namespace sluice::inline v0
