#include <sluice/sink.h>

#include "sys/descriptors.h"
#include "transfer/refusals.h"

namespace sluice::inline v0 {

result<sink> sink::of(int fd) {
    auto kind = sys::kind_of(fd);
    if (!kind) return failure(std::move(kind));
    switch (*kind) {
        case sys::descriptor_kind::tcp_socket:
            return sink(fd, sink_kind::tcp_socket);
        case sys::descriptor_kind::unix_socket:
            return sink(fd, sink_kind::unix_socket);
        case sys::descriptor_kind::pipe:
            return sink(fd, sink_kind::pipe);
        case sys::descriptor_kind::regular_file:
            return sink(fd, sink_kind::regular_file);
        case sys::descriptor_kind::character_device:
            return sink(fd, sink_kind::character_device);
        case sys::descriptor_kind::other:
            break;
    }
    return sink(fd, sink_kind::other);
}

result<sink> sink::at(const file& destination, std::uint64_t position) {
    auto made = of(destination.fd());
    if (!made) return std::unexpected(std::move(made).error().on(destination.name()));
    auto flags = sys::flags_of(destination.fd());
    if (!flags) return std::unexpected(std::move(flags).error().on(destination.name()));
    if (!flags->writable) return failure(EBADF, "write at a position", destination.name());
    if (made->kind_ != sink_kind::regular_file || flags->appending || position > file_position_max)
        return failure(EINVAL, "write at a position", destination.name());
    made->position_ = position;
    return made;
}

bool sink::accepts(const mechanism_traits& way) const noexcept {
    switch (kind_) {
        case sink_kind::tcp_socket:
        case sink_kind::unix_socket:
            return way.into_sockets;
        case sink_kind::pipe:
            return way.into_pipes;
        case sink_kind::regular_file:
            return way.into_files && (!position_ || way.at_positions);
        case sink_kind::character_device:
            return way.into_sockets;  // what takes any descriptor
        case sink_kind::other:
            return way.id == mechanism::read_write || way.id == mechanism::gathered_write;
    }
    return false;
}

}  // namespace sluice::inline v0
