#include "transfer/receive_step.h"

#include <cerrno>

#include <sluice/buffer.h>

namespace sluice::inline v0 {

namespace {

constexpr std::array<receive_function, receive_way_count> step_functions{
    receive_by_copy, receive_by_splice, receive_by_mapping};

bool is_socket(source_kind kind) noexcept {
    return kind == source_kind::tcp_socket || kind == source_kind::unix_socket;
}

}  // namespace

receive_function step_of(receive_way which) noexcept {
    return step_functions[static_cast<std::size_t>(which)];
}

bool means_unsupported(const error& failed) noexcept {
    return failed.is(EINVAL) || failed.is(ENOSYS) || failed.is(EOPNOTSUPP) || failed.is(EPERM) ||
           failed.is(ENODEV) || failed.is(ESPIPE);
}

result<sys::moved> read_source(const receive_request& request, writable_bytes room) {
    ++request.cost.calls;
    const auto& from = request.from;
    auto got = is_socket(from.kind()) ? sys::receive(from.fd(), room, request.wait)
                                      : sys::read(from.fd(), room);
    if (!got) return got;
    request.cost.copied_user_kernel += got->bytes;
    if (got->would_block) ++request.cost.would_blocks;
    return got;
}

result<void> write_all(receive_request& request, bytes_view from) {
    while (!from.empty()) {
        ++request.cost.calls;
        auto put = sys::pwrite(request.to.fd(), from, request.write_position());
        // A regular file that takes nothing and says nothing would be asked for ever.
        if (put && put->bytes == 0) put = failure(put->would_block ? EAGAIN : EIO, "pwrite");
        if (!put) {
            buffer rest;
            if (auto room = rest.try_reserve(from.size()); !room) return room;
            rest.append(from);
            request.kept.unwritten = std::move(rest).freeze();
            return std::unexpected(std::move(put).error().on(request.to.name()));
        }
        request.cost.copied_user_kernel += put->bytes;
        request.arrived += put->bytes;
        from = from.subspan(put->bytes);
    }
    return {};
}

}  // namespace sluice::inline v0
