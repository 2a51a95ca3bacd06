#include <sluice/file_transfer.h>

#include "sys/descriptors.h"

namespace sluice::inline v0 {

result<byte_source> byte_source::of(int fd) {
    auto kind = sys::kind_of(fd);
    if (!kind) return failure(std::move(kind));
    switch (*kind) {
        case sys::descriptor_kind::tcp_socket:
            return byte_source(fd, source_kind::tcp_socket);
        case sys::descriptor_kind::unix_socket:
            return byte_source(fd, source_kind::unix_socket);
        case sys::descriptor_kind::pipe:
            return byte_source(fd, source_kind::pipe);
        case sys::descriptor_kind::character_device:
            return byte_source(fd, source_kind::character_device);
        case sys::descriptor_kind::regular_file:
            return byte_source(fd, source_kind::regular_file);
        case sys::descriptor_kind::other:
            break;
    }
    return byte_source(fd, source_kind::other);
}

bool byte_source::accepts(const receive_way_traits& way) const noexcept {
    switch (kind_) {
        case source_kind::tcp_socket:
        case source_kind::unix_socket:
            return way.from_sockets;
        case source_kind::pipe:
            return way.from_pipes;
        case source_kind::character_device:
            return way.from_devices;
        case source_kind::regular_file:
        case source_kind::other:
            return way.id == receive_way::read_write;
    }
    return false;
}

}  // namespace sluice::inline v0
